package import FederatedLearning
package import Foundation

/// The answer to a health check.
package struct AdminHealth: Hashable, Sendable, Codable {
    package let status: String
    package let connectedClients: Int
    package let runningJob: JobID?
}

/// The answer to a submitted job.
package struct AdminSubmitted: Hashable, Sendable, Codable {
    package let id: JobID
}

/// What every failed request carries.
struct AdminFailure: Codable {
    struct Message: Codable {
        let message: String
    }

    let error: Message
}

/// How the admin API and the command line's `--json` write values.
package enum AdminCoding {
    package static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return try encoder.encode(value)
    }

    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf",
            negativeInfinity: "-inf",
            nan: "nan"
        )
        return try decoder.decode(type, from: bytes)
    }
}
