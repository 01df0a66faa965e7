import Testing

@testable import WireProtocol

@Suite("A payload's digest")
struct PayloadDigestTests {
    /// FIPS 180-2, appendix B.1.
    private let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    @Test("is the SHA-256 of the bytes")
    func hashing() {
        #expect(PayloadDigest(hashing: Array("abc".utf8)).hexadecimal == abc)
    }

    @Test("survives each of its forms")
    func forms() throws {
        let digest = try #require(PayloadDigest(hexadecimal: abc))
        #expect(PayloadDigest(bytes: digest.bytes) == digest)
        #expect(digest.bytes.count == 32)
        #expect(digest.bytes.first == 0xba)
        #expect(Array(digest.message) == digest.bytes)
        #expect(digest.description == abc)
    }

    @Test(
        "has exactly one text form",
        arguments: ["", "ba78", String(repeating: "g", count: 64), String(repeating: "A", count: 64)]
    )
    func text(_ text: String) {
        #expect(PayloadDigest(hexadecimal: text) == nil)
    }

    @Test("has exactly 32 bytes", arguments: [0, 31, 33])
    func length(_ count: Int) {
        #expect(PayloadDigest(bytes: [UInt8](repeating: 1, count: count)) == nil)
    }
}

@Suite("A client's name")
struct ClientNameTests {
    @Test("is made of safe characters", arguments: ["a", "0", "st-mary.east_2", String(repeating: "x", count: 64)])
    func valid(_ name: String) {
        #expect(ClientName.isValid(name))
    }

    @Test(
        "is nothing else",
        arguments: [
            "", "-a", ".", "..", "_x", "A", "a b", "a/b", "a\n", "a\0", "é", "a:b", "*",
            String(repeating: "x", count: 65),
        ]
    )
    func invalid(_ name: String) {
        #expect(!ClientName.isValid(name))
    }
}
