import AdapterTools
import Adapters
import ArgumentParser
import LinearAlgebra

/// `fed-server adapter diff`: how far two adapters are apart.
struct AdapterDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show how far two adapters of one base model are apart, layer by layer.",
        discussion: """
            Compares the changes ΔW = s·BA, because factors of equal changes may differ. DISTANCE is ‖ΔW₁−ΔW₂‖/‖ΔW₁‖, COSINE \
            the angle between both as vectors. IN and OUT are the smallest and the largest principal angle, in degrees, \
            between the subspaces that both read from and write to; OVERLAP is the mean of their squared cosines.
            """
    )

    @Argument(help: "A PEFT directory.", completion: .directory)
    var first: String

    @Argument(help: "Another one.", completion: .directory)
    var second: String

    @OptionGroup var listing: ListingOptions

    func run() throws {
        BLASThreads.useCallingThreadOnly()
        let distance = try AdapterDistance(
            between: PEFTDirectory(at: first).adapter,
            and: PEFTDirectory(at: second).adapter
        )
        if listing.json {
            try Printed.json(distance)
            return
        }
        let whole = [
            "(all layers)", Printed.significant(distance.relativeDistance), Printed.decimal(distance.cosine, 4), "", "",
            "", "",
        ]
        Printed.table(
            ["LAYER", "DISTANCE", "COSINE", "IN", "OVERLAP", "OUT", "OVERLAP"],
            distance.layers.map(Self.cells) + [whole],
            texts: 1
        )
        if !distance.savedTensors.isEmpty {
            print("")
            Printed.table(
                ["SAVED WHOLE", "DISTANCE"],
                distance.savedTensors.map { [$0.name, Printed.significant($0.relativeDistance)] },
                texts: 1
            )
        }
        for (name, paths) in [(first, distance.onlyInFirst), (second, distance.onlyInSecond)] where !paths.isEmpty {
            print("\nOnly in \(name): \(paths.joined(separator: ", "))")
        }
    }

    private static func cells(of layer: AdapterDistance.Layer) -> [String] {
        [
            layer.path, Printed.significant(layer.relativeDistance), Printed.decimal(layer.cosine, 4),
            range(of: layer.inputAngles), Printed.decimal(layer.inputOverlap, 3), range(of: layer.outputAngles),
            Printed.decimal(layer.outputOverlap, 3),
        ]
    }

    private static func range(of angles: [Double]) -> String {
        guard let first = angles.first, let last = angles.last else { return "–" }
        return "\(Printed.decimal(first, 1))–\(Printed.decimal(last, 1))°"
    }
}
