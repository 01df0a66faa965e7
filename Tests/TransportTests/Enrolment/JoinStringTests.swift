import Foundation
import Testing
import WireProtocol

@testable import Transport

@Suite("A join string")
struct JoinStringTests {
    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        let text: String
        let host: String
        let port: Int
        let authority: String
        let secret: String
        let expiry: Double
        var testDescription: String { host }
    }

    static let goldens: [Golden] = {
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("protocol/vectors/join-strings.json")
        do {
            return try JSONDecoder().decode([Golden].self, from: Data(contentsOf: file))
        } catch {
            Issue.record("join-strings.json cannot be read: \(error)")
            return []
        }
    }()

    private func joinString() throws -> JoinString {
        try JoinString(
            host: "fed.example.org",
            port: 7301,
            authorityFingerprint: try #require(CertificateFingerprint(bytes: Array(repeating: 3, count: 32))),
            secret: JoinString.newSecret(),
            expiry: Date(timeIntervalSince1970: 1_800_000_000.75)
        )
    }

    @Test("is written and read as the golden ones", arguments: goldens)
    func golden(_ golden: Golden) throws {
        let fingerprint = try #require([UInt8](hexadecimal: golden.authority).flatMap(CertificateFingerprint.init))
        let join = try JoinString(
            host: golden.host,
            port: golden.port,
            authorityFingerprint: fingerprint,
            secret: try #require([UInt8](hexadecimal: golden.secret)),
            expiry: Date(timeIntervalSince1970: golden.expiry)
        )
        #expect(join.text == golden.text)
        #expect(try JoinString(parsing: golden.text) == join)
        #expect(JoinStringTests.goldens.count == 3)
    }

    @Test("is one line that survives a terminal")
    func line() throws {
        let join = try joinString()
        let safe = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        #expect(join.text.allSatisfy(safe.contains))
        #expect(try JoinString(parsing: "  \(join.text)\r\n") == join)
        #expect(join.expiry == Date(timeIntervalSince1970: 1_800_000_000))
    }

    @Test("is refused with any character changed, missing or added")
    func damaged() throws {
        let text = try joinString().text
        for index in text.indices where text.distance(from: text.startIndex, to: index) >= 5 {
            var changed = text
            changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
            #expect(throws: JoinStringError.damaged) { try JoinString(parsing: changed) }
            var missing = text
            missing.remove(at: index)
            #expect(throws: JoinStringError.damaged) { try JoinString(parsing: missing) }
        }
        for addition in ["A", "=", "A=", "====", ".", " x"] {
            #expect(throws: JoinStringError.damaged) { try JoinString(parsing: text + addition) }
        }
    }

    @Test("is told from other text, and says what to do")
    func otherText() throws {
        for text in ["", "hello", "https://fed.example.org", String(repeating: "trib1A", count: 1000)] {
            #expect(throws: JoinStringError.notAJoinString) { try JoinString(parsing: text) }
        }
        #expect(throws: JoinStringError.unknownVersion) { try JoinString(parsing: "trib2AAAA") }
        #expect(throws: JoinStringError.damaged) { try JoinString(parsing: "trib1") }
        #expect(JoinStringError.notAJoinString.description.contains("fed-server invite"))
    }

    @Test("takes only parts in their range")
    func ranges() throws {
        let fingerprint = try #require(CertificateFingerprint(bytes: Array(repeating: 3, count: 32)))
        func make(
            host: String = "a",
            port: Int = 1,
            secret: Int = 16,
            expiry: Date = .now
        ) throws(JoinStringError) -> JoinString {
            try JoinString(
                host: host,
                port: port,
                authorityFingerprint: fingerprint,
                secret: Array(repeating: 1, count: secret),
                expiry: expiry
            )
        }
        #expect(throws: JoinStringError.malformed("host")) { try make(host: "") }
        #expect(throws: JoinStringError.malformed("host")) { try make(host: "a b") }
        #expect(throws: JoinStringError.malformed("port")) { try make(port: 0) }
        #expect(throws: JoinStringError.malformed("port")) { try make(port: 65_536) }
        #expect(throws: JoinStringError.malformed("secret")) { try make(secret: 15) }
        #expect(throws: JoinStringError.malformed("secret")) { try make(secret: 65) }
        #expect(throws: JoinStringError.malformed("expiry")) { try make(expiry: .distantPast) }
        #expect(throws: JoinStringError.malformed("expiry")) {
            try make(expiry: Date(timeIntervalSince1970: .infinity))
        }
        #expect(throws: JoinStringError.malformed("expiry")) { try make(expiry: Date(timeIntervalSince1970: .nan)) }
    }

    @Test("with a right check and wrong content is refused with the part that is wrong")
    func crafted() throws {
        // A valid check over content that no server writes: cut short, too long, a secret of 200 bytes, a port of 0.
        let text = try joinString().text
        let bytes = try #require([UInt8](base64URL: text.dropFirst(5)))
        let content = Array(bytes.dropLast(4))
        func crafted(_ content: [UInt8]) -> String {
            "trib1" + (content + PayloadDigest(hashing: content).bytes.prefix(4)).base64URL
        }
        #expect(crafted(content) == text)
        #expect(throws: JoinStringError.malformed("length")) { try JoinString(parsing: crafted(content + [0])) }
        for count in 0..<content.count {
            #expect(throws: JoinStringError.self) { try JoinString(parsing: crafted(Array(content.prefix(count)))) }
        }
        var changed = content
        changed[42] = 200
        #expect(throws: JoinStringError.malformed("secret")) { try JoinString(parsing: crafted(changed)) }
        changed = content
        (changed[0], changed[1]) = (0, 0)
        #expect(throws: JoinStringError.malformed("port")) { try JoinString(parsing: crafted(changed)) }
        changed = content
        changed[content.count - 1] = 0xff
        #expect(throws: JoinStringError.malformed("host")) { try JoinString(parsing: crafted(changed)) }
    }

    @Test("keeps its secret out of logs")
    func secrecy() throws {
        let join = try joinString()
        let canary = join.secret.hexadecimal
        var dumped = ""
        dump(join, to: &dumped)
        for text in ["\(join)", String(reflecting: join), dumped] {
            #expect(!text.contains(canary) && !text.contains("\(join.secret)"))
            #expect(!text.contains(join.text.dropFirst(5)))
        }
    }

    @Test("ends at its expiry")
    func expiry() throws {
        let join = try joinString()
        #expect(join.isValid(at: join.expiry.addingTimeInterval(-1)))
        #expect(!join.isValid(at: join.expiry))
    }
}
