private import Foundation

/// What the daemon says to a trainer: one JSON object a line.
package enum TrainerCommand: Hashable, Sendable {
    /// The first line; how many threads the trainer may use, and its folder.
    case hello(threads: Int, folder: String)
    case work(TrainerRequest)
    /// Stop the request of that number.
    case cancel(Int)
    /// End.
    case shutdown

    /// The version of the contract that this client speaks.
    package static let version = 1

    /// The line, its end included.
    package var line: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers of a job file are finite, so there is nothing that JSON cannot say.
        let data = (try? encoder.encode(self)) ?? Data()
        return Array(data) + [UInt8(ascii: "\n")]
    }
}

extension TrainerCommand: Encodable {
    private enum CodingKeys: CodingKey {
        case type, version, software, threads, folder, id
    }

    package func encode(to encoder: any Encoder) throws {
        if case .work(let request) = self { return try request.encode(to: encoder) }
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .hello(let threads, let folder):
            try container.encode("hello", forKey: .type)
            try container.encode(Self.version, forKey: .version)
            try container.encode("tributary", forKey: .software)
            try container.encode(threads, forKey: .threads)
            try container.encode(folder, forKey: .folder)
        case .cancel(let id):
            try container.encode("cancel", forKey: .type)
            try container.encode(id, forKey: .id)
        case .shutdown:
            try container.encode("shutdown", forKey: .type)
        case .work:
            break
        }
    }
}
