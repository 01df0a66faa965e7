/// Turns text into the token ids of one base model.
package protocol TextTokenizer: Sendable {
    /// One more than the largest id.
    var vocabularySize: Int { get }

    /// Returns the ids of `text` with the special tokens that the model puts around one, at most `maximumLength` of them.
    ///
    /// What is longer loses its end, but no special token.
    func encode(_ text: String, maximumLength: Int) -> [Int32]
}
