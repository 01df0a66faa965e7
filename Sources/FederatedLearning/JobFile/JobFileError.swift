/// What is wrong with a job file, where, and what to write instead.
package enum JobFileError: Error, Hashable {
    /// A key of the file: its path from the top, such as `cohort.minimum`, and its line when it is there.
    package struct Place: Hashable, Sendable, CustomStringConvertible {
        package let path: String
        package let line: Int?

        package init(_ path: String, line: Int? = nil) {
            self.path = path
            self.line = line
        }

        package var description: String {
            line.map { "`\(path)` in line \($0)" } ?? "`\(path)`"
        }
    }

    case cannotRead(path: String, reason: String)
    case tooLarge(bytes: Int, limit: Int)
    case notText
    case notYAML(line: Int?, problem: String)
    case empty
    case severalDocuments(line: Int)
    case aliases(line: Int?)
    case duplicateKey(Place)
    /// `meant` is a full path: of a key nearby, or of the section in which this key would be known.
    case unknownKey(Place, meant: String?, known: [String])
    case missing(Place, example: String)
    case wrongType(Place, expected: String, found: String, example: String)
    case outOfRange(Place, found: String, allowed: String)
    case unknownValue(Place, found: String, nearest: String?, known: [String])
    /// A value for a key that is not written as `key.path=value`.
    case malformedOverride(String)
    /// Two keys that do not go together.
    case contradiction(Place, problem: String, remedy: String)
}

extension JobFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotRead(let path, let reason):
            "The job file '\(path)' cannot be read (\(reason)). Check the path and its permissions."
        case .tooLarge(let bytes, let limit):
            "The job file has \(bytes) bytes, and a job has at most \(limit). Is it the right file?"
        case .notText:
            "The job file is not UTF-8 text. Save it as UTF-8."
        case .notYAML(let line, let problem):
            "The job file is not valid YAML\(Self.inLine(line)): \(problem). Check indentation, colons and brackets there."
        case .empty:
            "The job file is empty. Write at least `name`, `model`, `task`, `adapter`, `strategy`, `rounds` and `cohort`."
        case .severalDocuments(let line):
            "A second YAML document starts in line \(line). Write one job a file, and remove the `---`."
        case .aliases(let line):
            "The job file uses YAML anchors or aliases (`&`, `*`)\(Self.inLine(line)). Write the values out."
        case .duplicateKey(let place):
            "The key \(place) is given twice. Keep one of them."
        case .unknownKey(let place, let meant?, _):
            "Unknown key \(place). Did you mean `\(meant)`?"
        case .unknownKey(let place, nil, let known):
            "Unknown key \(place). Known there: \(Self.list(known))."
        case .missing(let place, let example):
            "The key \(place) is missing. Write, for example, `\(place.key): \(example)`."
        case .wrongType(let place, let expected, let found, let example):
            "\(place) is \(found), but \(expected) is needed. Write, for example, `\(place.key): \(example)`."
        case .outOfRange(let place, let found, let allowed):
            "\(place) is \(found), which is out of range. Write \(allowed)."
        case .unknownValue(let place, let found, let nearest?, let known):
            "\(place) is '\(found)', which is not known. Did you mean `\(nearest)`? Known: \(Self.list(known))."
        case .unknownValue(let place, let found, nil, let known):
            "\(place) is '\(found)', which is not known. Write one of \(Self.list(known))."
        case .malformedOverride(let text):
            "'\(text.prefix(80))' sets no key. Write, for example, `training.learning_rate=3e-4`."
        case .contradiction(let place, let problem, let remedy):
            "\(place) \(problem). \(remedy)"
        }
    }

    private static func inLine(_ line: Int?) -> String {
        line.map { " in line \($0)" } ?? ""
    }

    private static func list(_ names: [String]) -> String {
        names.map { "`\($0)`" }.joined(separator: ", ")
    }
}

extension JobFileError.Place {
    /// The last component of the path.
    fileprivate var key: Substring {
        path.split(separator: ".").last ?? path[...]
    }
}
