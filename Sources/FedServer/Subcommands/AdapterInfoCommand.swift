import AdapterTools
import Adapters
import ArgumentParser
import Foundation
import LinearAlgebra
import Terminal

/// `fed-server adapter info`: what an adapter does to each layer, in numbers.
struct AdapterInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Show each layer's rank, scale, norms and singular values.",
        discussion: """
            ΔW = s·BA is what the adapter adds to a layer, s its scale: alpha/r, or alpha/√r with rsLoRA. σ₁ is the largest \
            singular value of ΔW. The effective rank is e to the entropy of σⱼ/Σσ: over how many directions ΔW is spread. \
            With --spectra all singular values are printed, as shares of their sum.
            """
    )

    @Argument(help: "A PEFT directory.", completion: .directory)
    var adapter: String

    @Flag(help: "Print every layer's singular values.")
    var spectra = false

    @OptionGroup var listing: ListingOptions

    func run() throws {
        BLASThreads.useCallingThreadOnly()
        let directory = try PEFTDirectory(at: adapter)
        let inspection = try AdapterInspection(of: directory.adapter)
        let summary = AdapterSummary(directory, inspection, at: URL(fileURLWithPath: adapter, isDirectory: true))
        if listing.json {
            try Printed.json(summary)
            return
        }
        for line in summary.lines { print(line) }
        print("")
        Printed.table(
            ["LAYER", "OUT×IN", "RANK", "ALPHA", "SCALE", "‖A‖", "‖B‖", "‖ΔW‖", "σ₁", "EFF. RANK"],
            inspection.layers.map(Self.cells),
            texts: 1
        )
        if !inspection.savedTensors.isEmpty {
            print("")
            Printed.table(
                ["SAVED WHOLE", "SHAPE", "NORM"],
                inspection.savedTensors.map { tensor in
                    [
                        tensor.name, tensor.shape.map(String.init).joined(separator: "×"),
                        Printed.significant(tensor.norm),
                    ]
                },
                texts: 1
            )
        }
        guard spectra else { return }
        print("")
        Printed.table(
            ["LAYER", "σⱼ/Σσ"],
            inspection.layers.map { layer in
                let sum = layer.singularValues.reduce(0, +)
                let shares = layer.singularValues.map { sum > 0 ? String(format: "%.3f", $0 / sum) : "–" }
                return [layer.path, shares.joined(separator: " ")]
            }
        )
    }

    private static func cells(of layer: AdapterInspection.Layer) -> [String] {
        [
            layer.path, "\(layer.outputWidth)×\(layer.inputWidth)", "\(layer.rank)", Printed.short(layer.alpha),
            Printed.short(layer.scaling), Printed.significant(layer.normOfA), Printed.significant(layer.normOfB),
            Printed.significant(layer.norm), Printed.significant(layer.singularValues.first ?? 0),
            Printed.decimal(layer.effectiveRank, 2),
        ]
    }
}
