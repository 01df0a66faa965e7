import FederatedLearning
import Foundation
import TestSupport
import Testing

struct ModelDigestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let byteCount: Int
        let digest: String

        var testDescription: String { "\(byteCount) bytes" }
    }

    /// Digests by Python: `hashlib.sha256(bytes((i * 31) & 255 for i in range(n))).hexdigest()`.
    @Test(
        "is the SHA-256 of the weights, below, at and above the size of a piece",
        arguments: [
            Case(byteCount: 0, digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            Case(byteCount: 1, digest: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            Case(byteCount: 1048576, digest: "1c15b634397059fc8b634d6723502f0e5433e6c9f8d60e40d9128451a9f80c0f"),
            Case(byteCount: 1048577, digest: "239ec21e8f018255c9ea2e93a4836cd2a03d5d93a2f78f8eec2c926bfc6dd540"),
            Case(byteCount: 3000001, digest: "6b4c7331f54a1231b3d9804f34fbcb284975a6c9ca1bb4ce7c9e5de39b1688e8"),
        ]
    )
    func digest(_ test: Case) async throws {
        try await withTemporaryDirectory { folder in
            let bytes = Data((0..<test.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try bytes.write(to: folder.appendingPathComponent("model.safetensors"))
            #expect(try await ModelDigest.of(directory: folder).hexadecimal == test.digest)
        }
    }

    @Test("says which file is missing")
    func missing() async throws {
        try await withTemporaryDirectory { folder in
            let error = await #expect(throws: FederatedLearningError.self) {
                try await ModelDigest.of(directory: folder)
            }
            #expect(error?.description.contains("\(folder.path)/model.safetensors") == true)
        }
    }
}
