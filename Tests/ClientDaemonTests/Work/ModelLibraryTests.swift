import ClientDaemon
import FederatedLearning
import Foundation
import Testing

@Suite("ModelLibrary")
struct ModelLibraryTests {
    private let wanted = ContentDigest(hashing: [1])
    private let other = ContentDigest(hashing: [2])
    private let library = ModelLibrary(
        named: ["minilm": URL(fileURLWithPath: "/named/minilm")],
        directories: [URL(fileURLWithPath: "/given/other"), URL(fileURLWithPath: "/given/minilm")],
        cache: URL(fileURLWithPath: "/cache")
    )

    @Test("places are looked at from the most particular to the most general")
    func orders() {
        #expect(
            library.candidates(for: "minilm").map(\.path)
                == ["/named/minilm", "/given/minilm", "/given/other", "/cache/minilm"]
        )
        #expect(
            library.candidates(for: "/srv/m").map(\.path) == ["/given/other", "/given/minilm", "/srv/m", "/cache/m"]
        )
    }

    @Test("a name from the server does not climb out of the cache", arguments: ["../x", "a/../../x", "x"])
    func staysInTheCache(name: String) {
        #expect(library.candidates(for: name).map(\.path) == ["/given/other", "/given/minilm", "/cache/x"])
    }

    @Test("a name without a name has no place in the cache", arguments: ["", "..", "../..", "."])
    func ignoresNoName(name: String) {
        #expect(library.candidates(for: name).map(\.path) == ["/given/other", "/given/minilm"])
    }

    @Test("the digest decides, not the place")
    func choosesByDigest() async throws {
        let digests = ["/named/minilm": other, "/given/other": wanted]
        let found = try await library.directory(for: "minilm", digest: wanted) { digests[$0.path] }
        #expect(found.path == "/given/other")
    }

    @Test("another version of the model and none at all are different errors, neither of which tells the server a path")
    func explains() async throws {
        let differs = await #expect(throws: ClientError.self) {
            try await library.directory(for: "minilm", digest: wanted) { $0.path == "/cache/minilm" ? other : nil }
        }
        #expect(
            differs
                == .modelDiffers(name: "minilm", expected: wanted.hexadecimal, candidates: ["/cache/minilm"])
        )
        let missing = await #expect(throws: ClientError.self) {
            try await library.directory(for: "minilm", digest: wanted) { _ in nil }
        }
        #expect(missing?.description.contains("/named/minilm") == true)
        for error in [differs, missing] {
            let told = try #require(error.map { Disclosure.reason(for: $0) })
            #expect(told == "The silo does not have the base model with the job's SHA-256.")
        }
    }
}
