import TestSupport
import Testing

@testable import DifferentialPrivacy

@Suite("Noise keys")
struct NoiseKeyTests {
    @Test("give the keystream of AES-256 in counter mode", .tags(.goldenBytes))
    func keystream() throws {
        let key = try NoiseKey.fixed()
        // `openssl enc -aes-256-ctr -K 000102…1f -iv <block, little-endian, then zeros>` of zeros.
        #expect(
            key.words(4, block: 0) == [
                0xD09F_492A_B600_90F2, 0x8077_2EDD_6A9A_F3A9, 0xE59F_B94A_AE76_5DF0, 0x3D36_C248_319B_F6A6,
            ]
        )
        #expect(key.words(2, block: 0x0102_0304_0506_0708) == [0xCEFA_19FA_5083_999F, 0x9952_15D9_5B30_3C61])
    }

    @Test("differ, also when they are derived for different purposes")
    func derivation() throws {
        #expect(NoiseKey() != NoiseKey())
        let key = try NoiseKey.fixed()
        #expect(key.derived(for: "a") == key.derived(for: "a"))
        #expect(key.derived(for: "a") != key.derived(for: "b"))
        #expect(key.derived(for: "a") != key)
        #expect(key.derived(for: "a").bytes.count == 32)
    }

    @Test("come back from their bytes, and from nothing shorter or longer")
    func bytes() {
        let key = NoiseKey()
        #expect(NoiseKey(bytes: key.bytes) == key)
        #expect(NoiseKey(bytes: key.bytes.dropLast()) == nil)
        #expect(NoiseKey(bytes: key.bytes + [0]) == nil)
    }

    @Test("never show themselves")
    func secrecy() {
        let key = NoiseKey()
        var dumped = ""
        dump(key, to: &dumped)
        #expect("\(key)" == "NoiseKey" && String(reflecting: key) == "NoiseKey")
        #expect(!dumped.contains("\(key.bytes[0])") && !dumped.contains("["))
    }
}
