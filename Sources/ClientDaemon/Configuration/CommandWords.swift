/// Takes a command line apart as a shell does, without running one.
package enum CommandWords {
    /// Returns the words of `text`: blanks part them, quotes of either kind keep blanks, and a backslash keeps the next
    /// character (in double quotes only before `"` and `\`).
    ///
    /// Nothing is expanded: `$`, `*` and `|` are ordinary characters.
    ///
    /// - Returns: The words; `nil` when a quote is not closed, or a backslash ends the text.
    package static func split(_ text: String) -> [String]? {
        var words: [String] = []
        /// `nil` between words; an empty pair of quotes makes an empty word.
        var word: String?
        var quote: Character?
        var rest = text[...]
        while let character = rest.popFirst() {
            switch (quote, character) {
            case (nil, " "), (nil, "\t"), (nil, "\n"):
                if let finished = word { words.append(finished) }
                word = nil
            case (nil, "'"), (nil, "\""):
                quote = character
                word = word ?? ""
            case (nil, "\\"):
                guard let kept = rest.popFirst() else { return nil }
                word = (word ?? "") + String(kept)
            case ("\""?, "\\") where rest.first == "\"" || rest.first == "\\":
                if let kept = rest.popFirst() { word?.append(kept) }
            case (let open?, _) where open == character:
                quote = nil
            default:
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil else { return nil }
        if let finished = word { words.append(finished) }
        return words
    }
}
