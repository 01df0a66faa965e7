package import Adapters
package import FederatedLearning
private import Foundation

/// A base model that is ready to be adapted: its frozen weights and its tokenizer.
package struct BaseModel: Sendable {
    let network: any LanguageModel
    package let tokenizer: any TextTokenizer
    package let configuration: BaseModelConfiguration

    /// Loads the family of models that `config.json` names; matrices of 32-bit floats stay in the mapped file.
    ///
    /// - Throws: ``TrainingError`` or `AdapterError` that names the file, and the key or tensor in it.
    package init(_ directory: BaseModelDirectory) throws {
        switch directory.configuration {
        case .bert(let configuration):
            network = try BertModel(configuration, in: directory)
        case .llama(let configuration):
            network = try LlamaModel(configuration, in: directory)
        }
        configuration = directory.configuration
        tokenizer = try directory.tokenizer()
        guard tokenizer.vocabularySize <= configuration.vocabularySize else {
            throw TrainingError.unsupportedModel(
                file: directory.url.path,
                problem:
                    "has a tokenizer of \(tokenizer.vocabularySize) entries for the model's \(configuration.vocabularySize)",
                remedy: "Copy the tokenizer that belongs to the model."
            )
        }
    }

    init(network: any LanguageModel, tokenizer: any TextTokenizer, configuration: BaseModelConfiguration) {
        self.network = network
        self.tokenizer = tokenizer
        self.configuration = configuration
    }

    /// What it can be trained for: encoders judge whole texts, decoders predict next tokens.
    package var tasks: Set<JobConfiguration.Task> {
        switch configuration {
        case .bert: [.sequenceClassification]
        case .llama: [.causalLanguageModel]
        }
    }

    /// Tokenizes the rows of a file.
    ///
    /// - Throws: ``TrainingError/noTrainingRows(path:)`` when nothing is left to train on.
    package func corpus(of file: DataFile) throws(TrainingError) -> TextCorpus {
        try TextCorpus(
            file,
            tokenizer: tokenizer,
            longestText: configuration.longestText,
            shortestText: tasks == [.causalLanguageModel] ? 2 : 1
        )
    }

    /// Returns the model with low-rank changes added to its weights.
    func folding(_ residual: [String: LoRAModule]) throws(TrainingError) -> BaseModel {
        BaseModel(network: try network.folding(residual), tokenizer: tokenizer, configuration: configuration)
    }
}
