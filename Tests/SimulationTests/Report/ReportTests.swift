import Foundation
import Plotting
import TestSupport
import Testing

@testable import Simulation

struct ReportTests {
    /// Writes the files of a run of two rounds.
    private func writeRun(to folder: URL, label: String, seed: Int, accuracy: [Double]) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        try write(
            """
            {"name": "\(label)", "task": "sequence-classification", "strategy": "fedavg", "seed": \(seed),
             "clients": 2, "rounds": 2, "final": {"accuracy": \(accuracy[2])}}
            """,
            "summary.json"
        )
        let rounds = accuracy.enumerated().map { "\($0),\($0 * 60),\($1),,0.2,0.9,0.5 0.3 0.2,4,100,200" }
        let header =
            "round,simulated_seconds,accuracy,loss,client_accuracy_min,client_accuracy_max,singular_values,rank,bytes_up,bytes_down"
        try write(([header] + rounds).joined(separator: "\n") + "\n", "rounds.csv")
        try write(
            """
            round,client,event,accuracy,reason
            1,a,trained,,
            1,b,failed,,"no, ""really"" not"
            2,a,evaluated,0.3,
            2,b,evaluated,0.72,

            """,
            "clients.csv"
        )
        try write(
            "client,device,rank,training_examples,held_out_examples,bad,good\na,,4,5,1,4,1\nb,,4,3,1,0,3\n",
            "partition.csv"
        )
        try write("name: n\n", "experiment.yaml")
    }

    @Test("a report is one page without anything from outside, and each picture is a file")
    func page() async throws {
        try await withTemporaryDirectory { folder in
            try writeRun(to: folder, label: "a <b>", seed: 1, accuracy: [0.2, 0.4, 0.5])
            try RunReport(directory: folder).write()
            let html = try String(contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
            #expect(html.contains("<h1>a &lt;b&gt;</h1>") && html.contains("<b>50 %</b><span>final accuracy</span>"))
            #expect(html.firstMatch(of: /(src|href)=/) == nil && !html.contains("<script"))
            let plots = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("plots").path)
            #expect(
                plots.sorted() == [
                    "accuracy-over-rounds.svg", "accuracy-over-time.svg", "bytes.svg", "client-accuracy.svg",
                    "cohort.svg",
                    "partition.svg", "rank.svg", "singular-values.svg",
                ]
            )
            for plot in plots {
                let parser = XMLScanner(
                    try String(contentsOf: folder.appendingPathComponent("plots/\(plot)"), encoding: .utf8)
                )
                #expect(parser.isBalanced, "\(plot)")
            }
        }
    }

    @Test("a comparison puts seeds together: mean, and from the lowest to the highest")
    func comparison() async throws {
        try await withTemporaryDirectory { folder in
            for (seed, last) in [(1, 0.5), (2, 0.75)] {
                let run = folder.appendingPathComponent("name=fedavg,seed=\(seed)", isDirectory: true)
                try writeRun(to: run, label: "fedavg", seed: seed, accuracy: [0.25, 0.25, last])
            }
            let other = folder.appendingPathComponent("strategy=name-flexlora+mode-state,alpha=0.1", isDirectory: true)
            try writeRun(to: other, label: "other", seed: 1, accuracy: [0.25, 0.5, 0.5])
            let comparison = try Comparison(directories: [folder])
            let series = try #require(comparison.groups.first).series("accuracy", over: "round")
            #expect(series.points.map(\.y) == [0.25, 0.25, 0.625])
            #expect(series.band.map(\.low) == [0.25, 0.25, 0.5] && series.band.map(\.high) == [0.25, 0.25, 0.75])
            #expect(
                comparison.table.rows.map { $0[..<3] } == [
                    ["fedavg", "2", "62.5 % (50 %–75 %)"], ["flexlora state, alpha 0.1", "1", "50 %"],
                ]
            )
            #expect(
                comparison.commaSeparated.split(separator: "\n").prefix(2)
                    .map { $0.split(separator: ",").prefix(5).joined(separator: ",") }
                    == ["run,seeds,final_accuracy,final_accuracy_low,final_accuracy_high", "fedavg,2,0.625,0.5,0.75"]
            )
            #expect(comparison.commaSeparated.contains("\n\"flexlora state, alpha 0.1\",1,0.5,0.5,0.5,"))
            let result = folder.appendingPathComponent("result", isDirectory: true)
            try comparison.write(to: result)
            let html = try String(contentsOf: result.appendingPathComponent("comparison.html"), encoding: .utf8)
            #expect(html.contains("3 runs in 2 groups") && html.contains("<td>flexlora state, alpha 0.1</td>"))
        }
    }

    @Test("a folder without a run, and a damaged table, are named")
    func unreadable() async throws {
        try await withTemporaryDirectory { folder in
            let empty = #expect(throws: SimulationError.self) { try Comparison(directories: [folder]) }
            #expect(empty?.description.contains("it holds no run") == true)
            try writeRun(to: folder, label: "a", seed: 1, accuracy: [0.2, 0.4, 0.5])
            let table = folder.appendingPathComponent("rounds.csv")
            try Data("round,accuracy\n1\n".utf8).write(to: table)
            let error = #expect(throws: SimulationError.self) { try RunReport(directory: folder) }
            #expect(error?.description.contains("rounds.csv' cannot be read: a row has 1 fields") == true)
        }
    }
}

/// Whether the tags of a document open and close in pairs.
private struct XMLScanner {
    let isBalanced: Bool

    init(_ text: String) {
        var open: [Substring] = []
        for tag in text.matches(of: /<(\/?)([a-z]+)[^>]*?(\/?)>/) {
            if !tag.3.isEmpty { continue }
            if tag.1.isEmpty {
                open.append(tag.2)
            } else if open.popLast() != tag.2 {
                isBalanced = false
                return
            }
        }
        isBalanced = open.isEmpty
    }
}
