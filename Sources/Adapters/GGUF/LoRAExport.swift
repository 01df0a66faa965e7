package import Foundation
import LinearAlgebra

/// Turns an adapter into the one GGUF file that llama.cpp loads beside a base model (`--lora`).
///
/// ```
/// general.type = adapter          general.architecture = llama or bert
/// adapter.type = lora             adapter.lora.alpha = α
/// blk.0.attn_q.weight.lora_a      A, r×in
/// blk.0.attn_q.weight.lora_b      B, out×r
/// ```
///
/// llama.cpp scales a layer by α/r with one α for all. Where a layer scales otherwise (rsLoRA, `alpha_pattern`), B makes
/// up for it. The rows of B of query and key layers of a Llama are put in the order that the base model's file has: the
/// two halves of a head alternate, row by row.
package struct LoRAExport {
    private let values: [(name: String, value: GGUFDocument.Value)]
    private let tensors: [GGUFDocument.Tensor]

    /// Names the layers of an adapter as llama.cpp does.
    ///
    /// - Parameters:
    ///   - directory: The adapter.
    ///   - model: The base model's directory, of which `config.json` alone is read.
    /// - Throws: ``AdapterError`` that names what llama.cpp's adapters cannot hold, or a layer that it does not know.
    package init(_ directory: PEFTDirectory, base model: URL) throws(AdapterError) {
        let path = model.appendingPathComponent(BaseModelDirectory.configurationFileName).path
        let base = try BaseModelConfiguration(JSONReader(fileAt: path))
        try Self.check(directory)
        let alpha = directory.configuration.alpha
        self.values = [
            ("general.type", .text("adapter")),
            ("general.architecture", .text(base.architecture)),
            ("adapter.type", .text("lora")),
            ("adapter.lora.alpha", .float(Float(alpha))),
        ]
        var tensors: [GGUFDocument.Tensor] = []
        for (path, module) in directory.adapter.modules.sorted(by: { $0.key < $1.key }) {
            let module = module.withoutCore
            let isEmbedding = directory.embeddingModules.contains(path)
            guard let name = base.exportedName(of: path), isEmbedding == (name.text == Self.tokenTable) else {
                throw .unsupported(
                    feature: "the layer '\(path)' in a GGUF adapter",
                    path: model.path,
                    advice: "Leave it out of `target_modules`, or merge the adapter into the base model."
                )
            }
            if let layer = name.layer { try Self.check(module, fits: layer, path: path, model: model) }
            var b = module.b
            let ratio = module.scaling * Double(module.rank) / alpha
            if ratio != 1 { b.scale(by: Float(ratio)) }
            if let heads = base.rotatedHeadCount(of: name.text) {
                b = Self.alternatingHalves(of: b, heads: heads)
            }
            // The table of tokens is read by row, so its A lies the other way round.
            let a = isEmbedding ? module.a.transposed() : module.a
            for (suffix, matrix) in [("lora_a", a), ("lora_b", b)] {
                guard matrix.isFinite else { throw .notFinite(tensor: "\(path).\(suffix)", source: "the adapter") }
                tensors.append(
                    GGUFDocument.Tensor(
                        name: "\(name.text).weight.\(suffix)",
                        shape: [matrix.rows, matrix.columns],
                        elements: matrix.elements
                    )
                )
            }
        }
        self.tensors = tensors
    }

    /// How many layers are adapted.
    package var layerCount: Int { tensors.count / 2 }

    /// Returns the file's content.
    package func document(_ precision: GGUFDocument.Precision = .f32) -> GGUFDocument {
        GGUFDocument(values: values, tensors: tensors, precision: precision)
    }

    /// Writes a new file, whole or not at all.
    ///
    /// - Throws: ``AdapterError/cannotWrite(path:reason:)``, also when something is there already.
    package func write(to url: URL, _ precision: GGUFDocument.Precision = .f32) throws(AdapterError) {
        let document = document(precision)
        try DurableFile.create(url) { file in
            try document.forEachPiece { try file.write(contentsOf: $0) }
        }
    }

    // MARK: - Checks

    private static let tokenTable = "token_embd"

    private static func check(_ directory: PEFTDirectory) throws(AdapterError) {
        let configuration = directory.configuration
        func refuse(_ feature: String) -> AdapterError {
            .unsupported(
                feature: "\(feature) in a GGUF adapter, which holds low-rank factors alone",
                path: "the adapter",
                advice: "Merge it into the base model (`adapter merge --into-base`), and convert that."
            )
        }
        if configuration.usesMagnitudes { throw refuse("DoRA's magnitudes") }
        if configuration.usesFactorBias { throw refuse("the biases of `lora_bias`") }
        if configuration.changesBaseModel {
            throw refuse("`init_lora_weights` '\(configuration.initialization ?? "")'")
        }
        if let name = directory.adapter.savedTensors.keys.sorted().first { throw refuse("the saved tensor '\(name)'") }
    }

    private static func check(
        _ module: LoRAModule,
        fits layer: LinearLayer,
        path: String,
        model: URL
    ) throws(AdapterError) {
        let (expected, found) = (
            [layer.outputWidth, layer.inputWidth], [module.outputWidth, module.inputWidth]
        )
        guard expected == found else {
            throw .shapeMismatch(tensor: path, expected: expected, found: found, source: model.path)
        }
    }

    /// Returns the rows of each head with those of its halves in turn: what ``LlamaImport`` undoes.
    static func alternatingHalves(of b: Matrix, heads: Int) -> Matrix {
        let half = b.rows / heads / 2
        var elements: [Float] = []
        elements.reserveCapacity(b.count)
        for head in 0..<heads {
            for row in 0..<half {
                for part in 0..<2 {
                    let start = (head * 2 * half + part * half + row) * b.columns
                    elements += b.elements[start..<start + b.columns]
                }
            }
        }
        return Matrix(rows: b.rows, columns: b.columns, elements: elements)
    }
}
