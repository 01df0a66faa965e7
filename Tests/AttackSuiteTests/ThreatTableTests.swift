import AttackSuite
import Foundation
import Testing

/// `SECURITY.md` and the tests say the same.
@Suite("The threat table")
struct ThreatTableTests {
    /// A row: the threat's word, and the tests that it names.
    private struct Row {
        let threat: String
        /// Names in backticks of the last column.
        let tests: [String]
    }

    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func rows() throws -> [Row] {
        let text = try String(contentsOf: repository.appendingPathComponent("SECURITY.md"), encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 4, cells[0].hasPrefix("`"), let tests = cells.last else { return nil }
            let names = tests.split(separator: "`").enumerated().filter { $0.offset % 2 == 0 }.map {
                String($0.element)
            }
            return Row(threat: cells[0].trimmingCharacters(in: ["`"]), tests: tests.hasPrefix("`") ? names : [])
        }
    }

    @Test("has at least 150 attacks, whose names are unique and say their groups")
    func catalogue() {
        #expect(AttackCatalogue.all.count >= 150)
        #expect(Set(AttackCatalogue.all.map(\.name)).count == AttackCatalogue.all.count)
        for group in AttackCatalogue.groups { #expect(Set(group.map(\.group)).count == 1) }
    }

    @Test("has a row for every attack, and a test in every row")
    func complete() throws {
        let rows = try Self.rows()
        #expect(Set(rows.map(\.threat)).count == rows.count, "no row twice")
        for threat in Threat.allCases {
            #expect(rows.contains { $0.threat == threat.rawValue }, "'\(threat.rawValue)' has no row")
            #expect(AttackCatalogue.all.contains { $0.threat == threat }, "'\(threat.rawValue)' has no attack")
        }
        for row in rows { #expect(!row.tests.isEmpty, "'\(row.threat)' names no test") }
    }

    @Test("names attacks and tests that exist")
    func names() throws {
        let attacks = Dictionary(uniqueKeysWithValues: AttackCatalogue.all.map { ($0.name, $0) })
        for row in try Self.rows() {
            for name in row.tests {
                if let attack = attacks[name] {
                    #expect(attack.threat.rawValue == row.threat, "'\(name)' belongs to '\(attack.threat.rawValue)'")
                } else {
                    #expect(
                        try Self.exists(test: name),
                        "'\(name)' in row '\(row.threat)' is neither an attack nor a test"
                    )
                }
            }
        }
    }

    /// Whether there is a test function, written as `Target/Suite/function`.
    private static func exists(test name: String) throws -> Bool {
        let parts = name.split(separator: "/").map(String.init)
        guard parts.count == 3 else { return false }
        let folder = repository.appendingPathComponent("Tests/\(parts[0])")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        while let file = files?.nextObject() as? URL {
            guard file.lastPathComponent == "\(parts[1]).swift" else { continue }
            return try String(contentsOf: file, encoding: .utf8).contains("func \(parts[2])(")
        }
        return false
    }
}
