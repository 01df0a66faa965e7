/// Which clients a job chooses from, by their tags: every rule has to hold.
///
/// ```
/// gpu                    the client has a tag `gpu`, whatever its value
/// !trial                 it has none called `trial`
/// site=berlin|paris      its `site` is one of these
/// site!=oslo             its `site` is none of these, or it has none
/// ```
package struct TagSelector: Hashable, Sendable {
    fileprivate struct Rule: Hashable, Sendable {
        let tag: String
        /// The values that count; empty when any does.
        let values: [String]
        let isNegated: Bool

        func holds(for tags: [String: String]) -> Bool {
            let isMet = tags[tag].map { values.isEmpty || values.contains($0) } ?? false
            return isMet != isNegated
        }
    }

    /// The rules as they were written.
    package let texts: [String]
    private let rules: [Rule]

    /// Admits everybody.
    package static let everybody = TagSelector(texts: [], rules: [])

    private init(texts: [String], rules: [Rule]) {
        self.texts = texts
        self.rules = rules
    }

    /// Reads rules; `nil` when one of them is none.
    package init?(_ texts: [String]) {
        var rules: [Rule] = []
        for text in texts {
            guard let rule = Rule(text) else { return nil }
            rules.append(rule)
        }
        self.init(texts: texts, rules: rules)
    }

    /// Whether a client with these tags may be chosen.
    package func admits(_ tags: [String: String]) -> Bool {
        rules.allSatisfy { $0.holds(for: tags) }
    }
}

extension TagSelector.Rule {
    fileprivate init?(_ text: String) {
        guard let equals = text.firstIndex(of: "=") else {
            let isNegated = text.hasPrefix("!")
            self.init(tag: isNegated ? String(text.dropFirst()) : text, values: [], isNegated: isNegated)
            guard Self.isTag(tag) else { return nil }
            return
        }
        var tag = text[..<equals]
        let isNegated = tag.hasSuffix("!")
        if isNegated { tag = tag.dropLast() }
        let values = text[text.index(after: equals)...].split(separator: "|", omittingEmptySubsequences: false)
        guard Self.isTag(tag), values.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(tag: String(tag), values: values.map(String.init), isNegated: isNegated)
    }

    private static func isTag(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= 64 && !text.contains { "!=|".contains($0) || $0.isWhitespace }
    }
}

extension TagSelector: Codable {
    package init(from decoder: any Decoder) throws {
        let texts = try [String](from: decoder)
        guard let selector = TagSelector(texts) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a rule of \(texts) cannot be read")
            )
        }
        self = selector
    }

    package func encode(to encoder: any Encoder) throws {
        try texts.encode(to: encoder)
    }
}
