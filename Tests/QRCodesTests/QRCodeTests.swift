import Crypto
import Foundation
import Testing

@testable import QRCodes

@Suite("QR code")
struct QRCodeTests {
    /// What another encoder makes; see Fixtures/make_fixtures.py.
    private static func references() throws -> [[String]] {
        let file = try #require(Bundle.module.url(forResource: "Fixtures/codes", withExtension: "txt"))
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: " ").map(String.init) }
    }

    private static func digest(_ code: QRCode) -> String {
        let rows = (0..<code.size).map { row in
            (0..<code.size).map { code[$0, row] ? "1" : "0" }.joined() + "\n"
        }
        return SHA256.hash(data: Data(rows.joined().utf8)).map { String(format: "%02x", $0) }.joined()
    }

    @Test("equals another encoder's in every version, filled to the last byte")
    func versions() throws {
        let references = try Self.references().prefix(40)
        #expect(references.count == 40)
        for reference in references {
            let version = try #require(QRVersion.all.first { "\($0.number)" == reference[0] })
            let bytes = (0..<version.byteCapacity).map { UInt8(($0 * 7 + 32) % 96 + 32) }
            let code = try QRCode(bytes: bytes, mask: Int(reference[1]))
            #expect(code.size == version.size)
            #expect(Self.digest(code) == reference[2], "version \(version.number)")
        }
    }

    @Test("equals another encoder's under the mask that it chooses", arguments: ["a", "trib1ALsAAABpT-3", "Ünïcödé €"])
    func texts(_ text: String) throws {
        let references = try Self.references().dropFirst(40).filter { $0.dropFirst(2).joined(separator: " ") == text }
        #expect(references.count == 8)
        let digest = Self.digest(try QRCode(text))
        #expect(references.contains { $0[1] == digest })
    }

    @Test("chooses the mask of least penalty")
    func masks() throws {
        let bytes = Array("trib1ALsAAABpT-3".utf8)
        let version = try #require(QRVersion.smallest(forBytes: bytes.count))
        let grid = QRGrid(version: version, codewords: QRCodewords.of(bytes, version: version))
        let penalties = (0..<8).map { grid.masked(by: $0).penalty }
        let best = try #require(penalties.indices.min { penalties[$0] < penalties[$1] })
        #expect(try QRCode(bytes: bytes) == QRCode(bytes: bytes, mask: best))
    }

    @Test("refuses what no version has room for, and says how much that is")
    func limit() throws {
        #expect(try QRCode(bytes: [UInt8](repeating: 65, count: 2331), mask: 0).size == 177)
        #expect(throws: QRCodeError.tooLong(bytes: 2332, limit: 2331)) {
            try QRCode(String(repeating: "a", count: 2332))
        }
    }

    @Test("is drawn alike as a path and for a terminal")
    func drawings() throws {
        let code = try QRCode("a")
        var dark = 0
        for step in code.path.split(separator: "z") {
            // M column row h length v1 h-length
            let length = try #require(step.split(separator: "h").dropFirst().first?.split(separator: "v").first)
            dark += try #require(Int(length))
        }
        let all = (0..<code.size).flatMap { row in (0..<code.size).map { code[$0, row] } }
        #expect(dark == all.count { $0 })

        let lines = code.lines
        #expect(lines.count == (code.size + 8 + 1) / 2)
        #expect(lines.allSatisfy { $0.count == code.size + 8 })
        // The quiet zone, and the corner of the finder within it: dark, on two rows.
        #expect(lines[0].allSatisfy { $0 == "█" })
        #expect(Array(lines[2])[4] == " ")
    }
}

@Suite("Reed–Solomon code")
struct ReedSolomonCodeTests {
    @Test("leaves no remainder when its corrections are appended")
    func divides() {
        let code = ReedSolomonCode(correctionCount: 10)
        let data: [UInt8] = (1...16).map { $0 * 13 }
        #expect(code.correction(of: data + code.correction(of: data)) == [UInt8](repeating: 0, count: 10))
    }

    @Test("multiplies in GF(2⁸): 2⁸ is 0x1D, and every element has 255 powers")
    func field() {
        #expect(ReedSolomonCode.product(0x80, 2) == 0x1D)
        var seen: Set<UInt8> = []
        var power: UInt8 = 1
        for _ in 0..<255 {
            seen.insert(power)
            power = ReedSolomonCode.product(power, 2)
        }
        #expect(seen.count == 255)
        #expect(power == 1)
    }
}
