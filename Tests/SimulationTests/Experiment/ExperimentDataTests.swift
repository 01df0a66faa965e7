import Aggregation
import Foundation
import Simulation
import TestSupport
import Testing
import Training

@Suite("An experiment's data")
struct ExperimentDataTests {
    /// Deals `rows` out by the field `hospital`.
    private func population(
        of rows: [String],
        in folder: URL
    ) throws -> (population: Population, data: ExperimentData) {
        try Data(rows.joined(separator: "\n").utf8).write(to: folder.appendingPathComponent("texts.jsonl"))
        let sweep = try ExperimentSweep(
            text: """
                name: n
                model: m
                task: sequence-classification
                labels: [bad, good]
                adapter: {r: 2, lora_alpha: 2, target_modules: [query]}
                strategy: {name: fedavg}
                rounds: 1
                cohort: {size: 1}
                data: {file: texts.jsonl}
                partition: {by: field, field: hospital}
                """,
            overrides: [],
            folder: folder
        )
        let run = try #require(sweep.runs.first)
        return try Workbench(folder: folder, environment: [:], threads: 1).population(for: run.experiment)
    }

    private func row(_ text: String, hospital: String, split: String = "train") -> String {
        #"{"text": "\#(text)", "label": "good", "split": "\#(split)", "hospital": \#(hospital)}"#
    }

    @Test("each value of a field of the rows is a silo, whatever it is called")
    func field() async throws {
        try await withTemporaryDirectory { folder in
            let rows = [
                row("a", hospital: #""St. Mary""#), row("b", hospital: "7"), row("c", hospital: #""../up""#),
                row("d", hospital: "7"), row("e", hospital: "7", split: "test"),
            ]
            let (population, data) = try population(of: rows, in: folder)
            let names = (0..<population.count).map { population.client($0).id.rawValue }
            #expect(names == ["../up", "7", "St. Mary"])
            #expect(population.client(1).trainingRows == [1, 3] && population.client(1).heldOutRows == [4])

            let target = folder.appendingPathComponent("out", isDirectory: true)
            try PartitionData(population: population, data: data).write(to: target)
            let files = try FileManager.default.contentsOfDirectory(atPath: target.appendingPathComponent("data").path)
            #expect(files.sorted() == ["%2E%2E%2Fup.jsonl", "7.jsonl", "St%2E%20Mary.jsonl"])
        }
    }

    @Test("a row without the field is named")
    func missing() async throws {
        try await withTemporaryDirectory { folder in
            let rows = [row("a", hospital: "1"), #"{"text": "b", "label": "good", "split": "train"}"#]
            let error = #expect(throws: TrainingError.self) { try population(of: rows, in: folder) }
            #expect(error?.description.contains("line 2: has no `hospital`") == true, "\(String(describing: error))")
        }
    }
}
