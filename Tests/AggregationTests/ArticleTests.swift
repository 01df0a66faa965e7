import Aggregation
import Foundation
import Testing

/// What the articles quote is what the code is.
struct ArticleTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func text(of path: String) throws -> String {
        try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }

    @Test("shows the table of strategies as it is made from their profiles")
    func table() throws {
        let article = try text(of: "Sources/Aggregation/Aggregation.docc/ChoosingAStrategy.md")
        let isQuoted = article.contains("\n\n\(StrategyTable.markdown)\n\n")
        #expect(isQuoted, "Copy this table into ChoosingAStrategy.md:\n\(StrategyTable.markdown)")
    }

    @Test("shows the example of a new strategy as it is compiled")
    func example() throws {
        let code = try text(of: "Tests/AggregationTests/Conformance/BalancedMean.swift")
        let start = try #require(code.range(of: "/// Averages products")?.lowerBound)
        let article = try text(of: "Sources/Aggregation/Aggregation.docc/AddingAStrategy.md")
        let isQuoted = article.contains("\n\n\(code[start...])```")
        #expect(isQuoted, "Copy BalancedMean into AddingAStrategy.md.")
    }
}
