import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

struct AdapterPayloadTests {
    @Test("travels and comes back equal, and is the file that PEFT would save", .tags(.goldenBytes))
    func roundTrip() throws {
        let directory = try PEFTDirectory(reading: Fixture.url("peft/head"))
        let bytes = AdapterPayload.bytes(of: directory.adapter)
        #expect(bytes == (try Fixture.bytes("peft/head/adapter_model.safetensors")))
        #expect(try read(bytes, rank: 2, alpha: 4) == directory.adapter)
        let path = Fixture.url("peft/head/adapter_model.safetensors").path
        let fromFile = try AdapterPayload.adapter(fromFileAt: path, rank: 2, alpha: 4, source: "berlin")
        #expect(fromFile == directory.adapter)
    }

    @Test("gives every layer the rank, alpha and scaling that travel beside it")
    func scaling() throws {
        let bytes = try Fixture.bytes("peft/head/adapter_model.safetensors")
        let adapter = try AdapterPayload.adapter(
            from: bytes,
            rank: 2,
            alpha: 6,
            usesRankStabilizedScaling: true,
            source: "berlin"
        )
        #expect(adapter.modules.values.allSatisfy { $0.scaling == 6 / 2.0.squareRoot() })
    }

    @Test("folds the scale of what the base model takes into B: its reader knows none")
    func residual() throws {
        var adapter = try PEFTDirectory(reading: Fixture.url("peft/head")).adapter
        #expect(adapter.modules.values.allSatisfy { $0.scaling == 2 })
        adapter.residual = adapter.modules
        let handed = try read(AdapterPayload.bytes(of: adapter), rank: 2, alpha: 4)
        #expect(Set(handed.residual.keys) == Set(adapter.modules.keys))
        for (path, module) in adapter.modules {
            let residual = try #require(handed.residual[path])
            #expect(residual.a == module.a && residual.b == 2 * module.b && residual.scaling == 1)
        }
    }

    @Test("refuses another rank than was ordered, however large", arguments: [1, 3, 1_000_000])
    func rank(_ rank: Int) throws {
        let bytes = try Fixture.bytes("peft/head/adapter_model.safetensors")
        let error = #expect(throws: AdapterError.self) { try read(bytes, rank: rank, alpha: 4) }
        #expect(error?.description.contains("has rank 2 but \(rank) is stated") == true)
    }

    @Test("refuses half precision, embeddings and mixed ranks")
    func types() throws {
        for variant in ["bf16-head", "embedding", "patterns"] {
            let bytes = try Fixture.bytes("peft/\(variant)/adapter_model.safetensors")
            #expect(throws: AdapterError.self, "\(variant)") { try read(bytes, rank: 2, alpha: 4) }
        }
    }

    @Test("reads or refuses every payload with one flipped bit, and reads no flipped bit as the same adapter")
    func flippedBits() throws {
        let bytes = try Fixture.bytes("peft/rslora/adapter_model.safetensors")
        let original = try PEFTDirectory(reading: Fixture.url("peft/rslora")).adapter
        var readable = 0
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1
            guard let adapter = try? read(damaged, rank: 4, alpha: 8) else { continue }
            readable += 1
            #expect(adapter != original)
        }
        // Layers of ranks 4 and 2: no single rank reads them.
        #expect(readable == 0)
    }

    private func read(_ bytes: [UInt8], rank: Int, alpha: Double) throws(AdapterError) -> LoRAAdapter {
        try AdapterPayload.adapter(from: bytes, rank: rank, alpha: alpha, source: "berlin")
    }
}
