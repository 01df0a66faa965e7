/// A key of PEFT's `rank_pattern` or `alpha_pattern`: a regular expression for the end of a module's path.
///
/// PEFT matches `(.*\.)?(KEY)$` from the start of the path (`get_pattern_key` in `peft/utils/other.py`). Most keys are
/// plain paths, in which only the points have a meaning; those are compared without an expression.
struct ModulePattern {
    private enum Matcher {
        /// Letters, digits, `_`, `-` and points, of which each stands for any character.
        case plain([Unicode.Scalar])
        case expression(Regex<AnyRegexOutput>)
    }

    private let matcher: Matcher

    /// Reads a key.
    ///
    /// - Throws: ``AdapterError/invalidPattern(_:key:)`` when it is no regular expression; `key` is what it belongs to.
    init(_ pattern: String, of key: String) throws(AdapterError) {
        if pattern.utf8.allSatisfy(Self.isPlain) {
            matcher = .plain(Array(pattern.unicodeScalars))
            return
        }
        do {
            matcher = .expression(try Regex("(?:.*\\.)?(?:\(pattern))"))
        } catch {
            throw .invalidPattern(pattern, key: key)
        }
    }

    /// Whether the pattern names the module at `path`.
    func matches(_ path: String) -> Bool {
        switch matcher {
        case .plain(let pattern):
            var rest = path.unicodeScalars[...]
            for expected in pattern.reversed() {
                guard let scalar = rest.popLast(), expected == "." || scalar == expected else { return false }
            }
            return rest.isEmpty || rest.last == "."
        case .expression(let expression):
            // Matching throws only from transformations, which a pattern that is read from text does not have.
            return ((try? expression.wholeMatch(in: path)) ?? nil) != nil
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
