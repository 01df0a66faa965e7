internal import Adapters
package import Foundation
import Plotting

/// What a run left in its folder, as far as reports and comparisons read it.
package struct RunRecord: Sendable {
    let folder: URL
    let summary: JSONObject
    let rounds: RunTable
    let clients: RunTable
    let partition: RunTable
    /// The resolved experiment.
    let experiment: String

    static let summaryName = "summary.json"

    /// Reads the files of a finished run.
    ///
    /// - Throws: ``SimulationError/unreadableRun(path:problem:)`` that names the file.
    package init(folder: URL) throws(SimulationError) {
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
        self.folder = folder
        do {
            let bytes = Array(try Data(contentsOf: folder.appendingPathComponent(Self.summaryName)))
            summary = try JSONValue(parsing: bytes.span).object ?? JSONObject()
            experiment = try String(contentsOf: folder.appendingPathComponent("experiment.yaml"), encoding: .utf8)
        } catch {
            throw .unreadableRun(path: path(Self.summaryName), problem: "\(error)")
        }
        rounds = try RunTable(path: path("rounds.csv"))
        clients = try RunTable(path: path("clients.csv"))
        partition = try RunTable(path: path("partition.csv"))
    }

    /// The runs in `folder`: itself, or all below it, by path.
    ///
    /// - Throws: ``SimulationError/unreadableRun(path:problem:)`` when there is none.
    package static func all(in folder: URL) throws(SimulationError) -> [RunRecord] {
        var folders: [URL] = []
        if FileManager.default.fileExists(atPath: folder.appendingPathComponent(summaryName).path) {
            folders = [folder]
        } else if let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) {
            for case let file as URL in files where file.lastPathComponent == summaryName {
                folders.append(file.deletingLastPathComponent())
            }
        }
        guard !folders.isEmpty else {
            throw .unreadableRun(
                path: folder.path,
                problem: "it holds no run: there is no \(summaryName) in or below it"
            )
        }
        var records: [RunRecord] = []
        for folder in folders.sorted(by: { $0.path < $1.path }) { records.append(try RunRecord(folder: folder)) }
        return records
    }

    // MARK: - Summary

    var name: String { summary["name"]?.string ?? folder.lastPathComponent }

    /// What tells this run from others of its sweep, apart from the seed; the experiment's name when it is no sweep's.
    ///
    /// A sweep's folders are called by their settings, such as `name=fedavg,alpha=0.1,seed=2`.
    package var label: String {
        let settings = folder.lastPathComponent.split(separator: ",").filter { $0.contains("=") }
        let parts = settings.filter { !$0.hasPrefix("seed=") }.map { setting in
            let key = setting.prefix { $0 != "=" }
            let value = setting.dropFirst(key.count + 1)
            guard key == "name" || key == "strategy" else { return "\(key) \(value)" }
            // A strategy with its settings: `name-flexlora+mode-delta`.
            return value.split(separator: "+")
                .map { $0.hasPrefix("name-") || $0.hasPrefix("mode-") ? $0.dropFirst(5) : $0 }
                .joined(separator: " ")
        }
        return parts.isEmpty ? name : parts.joined(separator: ", ")
    }

    var seed: String { summary["seed"]?.integer.map(String.init) ?? "" }
    var isLanguageModel: Bool { summary["task"]?.string == "causal-lm" }

    /// A number of the summary, by the path of its key: `seconds`, `final.accuracy`.
    func figure(_ path: String) -> Double? {
        let keys = path.split(separator: ".")
        var object: JSONObject? = summary
        for key in keys.dropLast() { object = object?[String(key)]?.object }
        return keys.last.flatMap { object?[String($0)]?.double }
    }

    /// The last number of a column of the rounds.
    func last(_ column: String) -> Double? { rounds.numbers(column).last { $0.isFinite } }

    // MARK: - Rounds

    /// One column against another, where both have numbers.
    func curve(_ column: String, over axis: String = "round") -> [LineChart.Point] {
        zip(rounds.numbers(axis), rounds.numbers(column)).filter { $0.isFinite && $1.isFinite }.map { ($0, $1) }
    }

    /// A column summed up from the first round on.
    func total(_ column: String) -> [LineChart.Point] {
        var sum = 0.0
        return zip(rounds.numbers("round"), rounds.numbers(column)).map { round, value in
            if value.isFinite { sum += value }
            return (round, sum)
        }
    }
}
