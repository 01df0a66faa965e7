import Adapters

/// A BERT encoder with its pooler, whose weights stay in the mapped file, shared and frozen.
///
/// The task model is that of `BertForSequenceClassification`: a linear head on the pooler's output of the first token. All
/// state of a pass lies in a ``BertWorkspace``, so one model serves any number of threads.
struct BertModel: Sendable {
    let configuration: BERTConfiguration
    let words: ModelWeight
    let positions: ModelWeight
    /// The embedding of token type 0: every text is a first sentence.
    let tokenType: [Float]
    let embeddingNorm: FrozenLayerNorm
    var layers: [BertEncoderLayer]
    var pooler: FrozenLinear
    /// What layers below every adapter made of texts; another one where ``layers`` are others.
    var prefix = FrozenPrefix()

    static let poolerPath = "bert.pooler.dense"
    static let headPath = "classifier"

    /// The module path of a linear layer, as PEFT names it.
    static func path(layer: Int, role: LayerRole) -> String {
        let name =
            switch role {
            case .query: "attention.self.query"
            case .key: "attention.self.key"
            case .value: "attention.self.value"
            case .attentionOutput: "attention.output.dense"
            case .intermediate: "intermediate.dense"
            case .output: "output.dense"
            case .gate: preconditionFailure("BERT's feed-forward half has no gate")
            }
        return "bert.encoder.layer.\(layer).\(name)"
    }

    /// Takes the weights of an opened directory; matrices of 32-bit floats are not copied.
    ///
    /// - Throws: `AdapterError` that names the tensor which is missing or has another shape than `config.json` says.
    init(_ configuration: BERTConfiguration, in directory: BaseModelDirectory) throws {
        let weights = BertWeights(directory: directory, configuration: configuration)
        self.configuration = configuration
        let hidden = configuration.hiddenSize
        let embeddings = "bert.embeddings"
        words = try weights.matrix(
            "\(embeddings).word_embeddings.weight",
            rows: configuration.vocabularySize,
            columns: hidden
        )
        positions = try weights.matrix(
            "\(embeddings).position_embeddings.weight",
            rows: configuration.maximumPositionCount,
            columns: hidden
        )
        let types = try weights.matrix(
            "\(embeddings).token_type_embeddings.weight",
            rows: configuration.tokenTypeCount,
            columns: hidden
        )
        tokenType = types.withElements { types in (0..<hidden).map { types[$0] } }
        embeddingNorm = try weights.layerNorm("\(embeddings).LayerNorm")
        layers = try (0..<configuration.layerCount).map { try weights.layer($0) }
        pooler = try weights.linear(Self.poolerPath, from: hidden, to: hidden)
    }
}
