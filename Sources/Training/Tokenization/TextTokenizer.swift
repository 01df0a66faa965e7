import Adapters
import Foundation

/// Turns text into the token ids of one base model.
package protocol TextTokenizer: Sendable {
    /// One more than the largest id.
    var vocabularySize: Int { get }

    /// Whether every text ends with a special token.
    var endsWithSpecialToken: Bool { get }

    /// Returns the ids of `text` with the special tokens that the model puts around one, at most `maximumLength` of them.
    ///
    /// What is longer loses its end, but no special token.
    func encode(_ text: String, maximumLength: Int) -> [Int32]
}

extension BaseModelDirectory {
    /// Reads the model's tokenizer: `vocab.txt` or else `tokenizer.json` for BERT, `tokenizer.json` for Llama.
    ///
    /// - Throws: ``TrainingError`` that names the file, and the key that is missing, broken or not supported.
    func tokenizer() throws -> any TextTokenizer {
        switch configuration {
        case .bert:
            let hasVocabulary = FileManager.default.fileExists(
                atPath: url.appendingPathComponent(WordPieceTokenizer.fileName).path
            )
            let hasFile = FileManager.default.fileExists(atPath: url.appendingPathComponent(TokenizerFile.name).path)
            return hasFile && !hasVocabulary
                ? try WordPieceTokenizer(TokenizerFile(modelFolder: url)) : try WordPieceTokenizer(modelFolder: url)
        case .llama: return try ByteLevelTokenizer(modelFolder: url)
        }
    }
}
