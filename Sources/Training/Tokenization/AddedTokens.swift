/// The tokens that stand for themselves wherever a text has them literally, before anything else is looked at.
///
/// As in `tokenizers`: at each place the longest one counts, first of those that are not normalised, then, in what is left,
/// of the others.
struct AddedTokens: Sendable {
    struct Token: Sendable, Hashable {
        let scalars: [Unicode.Scalar]
        let id: Int32
        let isNormalized: Bool
    }

    /// A part of a text.
    enum Part: Equatable {
        case text(Range<Int>)
        case token(Int32)
    }

    /// Two rounds of tokens, each by its first scalar and the longest first.
    private let rounds: [[Unicode.Scalar: [Token]]]
    /// One more than the largest id.
    let idLimit: Int

    init(_ tokens: [Token]) {
        rounds = [false, true].map { isNormalized in
            Dictionary(
                grouping: tokens.filter { $0.isNormalized == isNormalized && !$0.scalars.isEmpty },
                by: { $0.scalars[0] }
            ).mapValues { $0.sorted { $0.scalars.count > $1.scalars.count } }
        }
        idLimit = tokens.reduce(0) { max($0, Int($1.id) + 1) }
    }

    /// Divides a text at its added tokens.
    func split(_ text: [Unicode.Scalar]) -> [Part] {
        var parts: [Part] = text.isEmpty ? [] : [.text(text.indices)]
        for round in rounds where !round.isEmpty {
            parts = parts.flatMap { part -> [Part] in
                guard case .text(let range) = part else { return [part] }
                return Self.split(text, in: range, at: round)
            }
        }
        return parts
    }

    private static func split(
        _ text: [Unicode.Scalar],
        in range: Range<Int>,
        at tokens: [Unicode.Scalar: [Token]]
    ) -> [Part] {
        var parts: [Part] = []
        var (start, position) = (range.lowerBound, range.lowerBound)
        while position < range.upperBound {
            let token = tokens[text[position]]?.first { text[position..<range.upperBound].starts(with: $0.scalars) }
            if let token {
                if start < position { parts.append(.text(start..<position)) }
                parts.append(.token(token.id))
                position += token.scalars.count
                start = position
            } else {
                position += 1
            }
        }
        if start < range.upperBound { parts.append(.text(start..<range.upperBound)) }
        return parts
    }
}
