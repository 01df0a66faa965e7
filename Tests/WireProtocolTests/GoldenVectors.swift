import Foundation
import SwiftProtobuf
import Testing

@testable import WireProtocol

/// The committed golden frames in `protocol/vectors`, which its Python script makes independently of this package.
enum GoldenVectors {
    struct Control: Sendable, CustomTestStringConvertible {
        let name: String
        let message: Tributary_V1_Control
        let frame: [UInt8]
        var testDescription: String { name }
    }

    struct Chunk: Sendable, CustomTestStringConvertible {
        let name: String
        let digest: PayloadDigest
        let offset: UInt64
        let bytes: [UInt8]
        /// The whole frame, or for long ones its SHA-256.
        let frame: [UInt8]?
        let frameDigest: PayloadDigest?
        var testDescription: String { name }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let name: String
        let error: String
        let bytes: [UInt8]
        var testDescription: String { name }
    }

    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("protocol/vectors")

    static let controls: [Control] = load("control.json") { entry in
        let message = try JSONSerialization.data(withJSONObject: try #require(entry["message"]))
        return Control(
            name: try string(entry, "name"),
            message: try Tributary_V1_Control(jsonUTF8Bytes: message),
            frame: try bytes(entry, "frame")
        )
    }

    static let chunks: [Chunk] = load("chunks.json") { entry in
        let offset = try #require(UInt64(try string(entry, "offset")))
        let content: [UInt8] =
            if let count = entry["byteCount"] as? Int {
                (0..<count).map { UInt8(truncatingIfNeeded: Int(offset) + $0) }
            } else {
                try bytes(entry, "bytes")
            }
        return Chunk(
            name: try string(entry, "name"),
            digest: try #require(PayloadDigest(hexadecimal: try string(entry, "sha256"))),
            offset: offset,
            bytes: content,
            frame: entry["frame"] == nil ? nil : try bytes(entry, "frame"),
            frameDigest: (entry["frameSha256"] as? String).flatMap { PayloadDigest(hexadecimal: $0) }
        )
    }

    static let refused: [Refused] = load("refused.json") { entry in
        Refused(
            name: try string(entry, "name"),
            error: try string(entry, "error"),
            bytes: try bytes(entry, "bytes")
        )
    }

    /// Loads a file of vectors; an unreadable one gives none, which the tests notice.
    private static func load<Vector>(_ name: String, _ read: ([String: Any]) throws -> Vector) -> [Vector] {
        do {
            let data = try Data(contentsOf: folder.appendingPathComponent(name))
            let entries = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
            return try entries.map(read)
        } catch {
            Issue.record("\(name) cannot be read: \(error)")
            return []
        }
    }

    private static func string(_ entry: [String: Any], _ key: String) throws -> String {
        try #require(entry[key] as? String, "\(key)")
    }

    private static func bytes(_ entry: [String: Any], _ key: String) throws -> [UInt8] {
        try #require([UInt8](hexadecimal: try string(entry, key)), "\(key)")
    }
}
