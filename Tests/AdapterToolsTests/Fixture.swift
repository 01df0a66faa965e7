import Adapters
import Foundation

/// The files that `Fixtures/make_fixtures.py` made with peft and NumPy.
enum Fixture {
    static func url(_ path: String) -> URL {
        Bundle.module.resourceURL?.appendingPathComponent("Fixtures").appendingPathComponent(path)
            ?? URL(fileURLWithPath: path)
    }

    static func adapter(_ name: String) throws -> PEFTDirectory {
        try PEFTDirectory(reading: url("adapters").appendingPathComponent(name))
    }

    /// What `add_weighted_adapter` of peft made.
    static func merged(_ method: String) throws -> PEFTDirectory {
        try PEFTDirectory(reading: url("merged").appendingPathComponent(method))
    }

    /// The elements that DARE kept, by method, factor and adapter.
    static func masks() throws -> [String: [String: [[Bool]]]] {
        let bits = try decode([String: [String: [String]]].self, from: "masks.json")
        return bits.mapValues { factors in factors.mapValues { $0.map { mask in mask.map { $0 == "1" } } } }
    }

    struct Measures: Decodable {
        struct Layer: Decodable {
            let norm: Double
            let singularValues: [Double]
            let effectiveRank: Double
        }

        struct Pair: Decodable {
            let relativeDistance: Double
            let cosine: Double
            let inputAngles: [Double]
            let outputAngles: [Double]
        }

        let layers: [String: [String: Layer]]
        let pairs: [String: [String: Pair]]
    }

    static func measures() throws -> Measures { try decode(Measures.self, from: "measures.json") }

    private static func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(contentsOf: url(path)))
    }
}
