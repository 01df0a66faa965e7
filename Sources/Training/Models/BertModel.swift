package import Adapters

/// A BERT encoder with its pooler, whose weights stay in the mapped file, shared and frozen.
///
/// The task model is that of `BertForSequenceClassification`: a linear head on the pooler's output of the first token. All
/// state of a pass lies in a ``BertWorkspace``, so one model serves any number of threads.
package struct BertModel: Sendable {
    let configuration: BERTConfiguration
    let words: ModelWeight
    let positions: ModelWeight
    /// The embedding of token type 0: every text is a first sentence.
    let tokenType: [Float]
    let embeddingNorm: FrozenLayerNorm
    var layers: [BertEncoderLayer]
    var pooler: FrozenLinear

    static let poolerPath = "bert.pooler.dense"
    static let headWeightName = "classifier.weight"
    static let headBiasName = "classifier.bias"

    /// The module path of a linear layer, as PEFT names it.
    static func path(layer: Int, role: BertLayerRole) -> String { "bert.encoder.layer.\(layer).\(role.rawValue)" }

    /// Takes the weights of an opened directory; matrices of 32-bit floats are not copied.
    ///
    /// - Throws: `AdapterError` that names the tensor which is missing or has another shape than `config.json` says.
    package init(_ directory: BaseModelDirectory) throws {
        let weights = BertWeights(directory: directory)
        configuration = directory.configuration
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
