import Foundation
import Testing

@testable import Simulation

struct ExperimentDocumentationTests {
    @Test("every key that an experiment has beside a job's stands in the article, and no other one")
    func keys() throws {
        let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../Sources/Simulation/Simulation.docc/Experiments.md")
        let text = try String(contentsOf: article, encoding: .utf8)
        let documented = Set(
            text.matches(of: #/(?m)^\| `([a-z0-9_.\[\]]+)` \|/#).map { String($0.output.1).replacing("[]", with: "") }
        )
        // Rows of other tables: methods and files.
        let others = Set(
            PartitionSettings.Method.allCases.map(\.rawValue) + ["rounds.csv", "clients.csv", "partition.csv"]
        )
        .union(["summary.json", "experiment.yaml", "report.html"])
        let sections = Set(
            ExperimentFile.paths.compactMap { $0.split(separator: ".").dropLast().first.map(String.init) }
        )
        let keys = Set(ExperimentFile.paths).subtracting(sections)
        #expect(keys.subtracting(documented).isEmpty)
        #expect(documented.subtracting(keys).subtracting(others).isEmpty)
    }
}
