import Foundation
import Testing

/// The files that `Fixtures/make_fixtures.py` made.
enum Fixture {
    static func url(_ path: String) -> URL {
        Bundle.module.resourceURL?.appendingPathComponent("Fixtures").appendingPathComponent(path)
            ?? URL(fileURLWithPath: path)
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: url(path)))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: url(path)))
    }

    /// What PEFT itself says of an adapter directory.
    struct Numbers: Decodable {
        struct Tensor: Decodable {
            let shape: [Int]
            let sum: Double
            /// The first three and the last three values.
            let ends: [Double]
        }

        /// s of every layer, by module path.
        let scalings: [String: Double]
        /// By the tensor's name in the file.
        let tensors: [String: Tensor]
    }
}
