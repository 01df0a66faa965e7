import AdapterTools
import Adapters
import ArgumentParser
import Foundation
import LinearAlgebra
import Terminal

/// `fed-server adapter merge`: one adapter of several, or an adapter folded into its base model.
struct AdapterMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge adapters into one of a given rank, or fold them into a base model.",
        discussion: """
            The methods are those of `add_weighted_adapter` of peft, by the same names and with the same results. svd is the best of \
            its rank and takes adapters of any ranks; cat is exact, and its rank the sum of the others; linear, ties, \
            dare_linear, dare_ties and magnitude_prune add the factors A and B apart and need equal ranks.

            The weights default to 1 each, so that the effects add up; with --normalize they are divided by their sum. Heads are \
            averaged.

            Example: fed-server adapter merge --method svd --rank 16 --out merged berlin=0.7 paris=0.3
            """
    )

    @Option(help: "How to merge: \(AdapterMerge.Method.allCases.map(\.rawValue).joined(separator: ", ")).")
    var method = AdapterMerge.Method.svd

    @Option(help: "The rank of the result; by default the method's own.")
    var rank: Int?

    @Option(help: "The share of elements that ties, dare_linear, dare_ties and magnitude_prune keep.")
    var density: Double?

    @Option(help: "Decides which elements dare_linear and dare_ties keep.")
    var seed: UInt64 = 1

    @Flag(help: "Divide the weights by their sum.")
    var normalize = false

    @Option(
        help: """
            Fold the result into the base model in this directory, and write a model that transformers loads without peft.
            """,
        completion: .directory
    )
    var intoBase: String?

    @Option(
        help: ArgumentHelp(
            "With --into-base: the class names in the order of the head's rows, separated by commas.",
            valueName: "names"
        )
    )
    var labels: String?

    @OptionGroup
    var combination: CombinationArguments

    func validate() throws {
        if let rank, rank < 1 { throw ValidationError("--rank takes a whole number of at least 1.") }
        if density != nil, !method.prunes {
            throw ValidationError("--density has no effect with --method \(method.rawValue). Leave it out.")
        }
        if density == nil, method.prunes {
            throw ValidationError(
                "--method \(method.rawValue) needs --density, the share of elements to keep, such as 0.5."
            )
        }
        if labels != nil, intoBase == nil { throw ValidationError("--labels goes with --into-base.") }
    }

    func run() throws {
        BLASThreads.useCallingThreadOnly()
        let target = combination.target
        try AtomicDirectory.checkVacancy(of: target)
        let merged = try merged()
        guard let intoBase else {
            try merged.write(to: target)
            print(target.standardizedFileURL.path)
            return
        }
        let merge = try BaseModelMerge(
            merged,
            into: URL(fileURLWithPath: intoBase, isDirectory: true),
            labels: labels.map { names in
                names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            }
        )
        try merge.write(to: target)
        StandardError.write(
            "\(merge.changedTensorCount) tensors of the base model changed, \(merge.addedTensorCount) added."
        )
        print(target.standardizedFileURL.path)
    }

    /// The one adapter that there is, at its weight 1 as it is; else what the method makes of all.
    private func merged() throws -> PEFTDirectory {
        let weighted = try combination.weighted(allowsNegative: true)
        if weighted.count == 1, weighted[0].weight == 1, rank == nil, density == nil {
            return try PEFTDirectory(reading: weighted[0].directory)
        }
        let sum = weighted.reduce(0) { $0 + $1.weight }
        guard !normalize || sum != 0 else {
            throw ValidationError("The weights add up to 0 and cannot be normalized. Leave --normalize out.")
        }
        let contributions = try weighted.map { adapter in
            AdapterMerge.Contribution(
                name: adapter.path,
                directory: try PEFTDirectory(reading: adapter.directory),
                weight: normalize ? adapter.weight / sum : adapter.weight
            )
        }
        return try AdapterMerge(method, rank: rank, density: density ?? 1, seed: seed).merging(contributions)
    }
}

extension AdapterMerge.Method: ExpressibleByArgument {}
