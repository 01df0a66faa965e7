/// The shape of a base model, by its family.
package enum BaseModelConfiguration: Sendable, Hashable {
    /// An encoder, for classification.
    case bert(BERTConfiguration)
    /// A decoder, for language modelling.
    case llama(LlamaConfiguration)

    /// Reads the family that `model_type` names.
    init(_ reader: JSONReader) throws(AdapterError) {
        let type = try reader.require("model_type") { (key) throws(AdapterError) in try reader.string(key) }
        switch type {
        case "bert": self = .bert(try BERTConfiguration(reader))
        case "llama": self = .llama(try LlamaConfiguration(reader))
        default:
            throw .unsupported(
                feature: "the model family \(quoted(type))",
                path: reader.path,
                advice: "Use a model with `model_type` bert or llama."
            )
        }
    }

    /// How many tokens there are.
    package var vocabularySize: Int {
        switch self {
        case .bert(let model): model.vocabularySize
        case .llama(let model): model.vocabularySize
        }
    }

    /// The width of a token's vector.
    package var hiddenSize: Int {
        switch self {
        case .bert(let model): model.hiddenSize
        case .llama(let model): model.hiddenSize
        }
    }

    /// How many tokens a text may have.
    package var longestText: Int {
        switch self {
        case .bert(let model): model.maximumPositionCount
        case .llama(let model): model.maximumPositionCount
        }
    }

    /// σ of new weights.
    package var initializerRange: Double {
        switch self {
        case .bert(let model): model.initializerRange
        case .llama(let model): model.initializerRange
        }
    }

    /// The linear layers in the order of the forward pass, named without ``modulePrefix``.
    var linearLayers: [LinearLayer] {
        switch self {
        case .bert(let model): model.linearLayers
        case .llama(let model): model.linearLayers
        }
    }

    /// What the task model calls the module that holds the blocks, with a point after it.
    var modulePrefix: String {
        switch self {
        case .bert: "bert."
        case .llama: "model."
        }
    }

    /// Whether a file may lack the weight of a linear layer.
    func mayLack(_ layer: LinearLayer) -> Bool {
        switch self {
        case .bert: layer.path.hasPrefix("pooler.")
        case .llama: false
        }
    }
}
