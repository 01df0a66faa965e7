import Aggregation
package import Foundation
import Training

/// The rows of each client as a file that `fed-client` takes as its data.
package struct PartitionData {
    private let population: Population
    private let data: ExperimentData

    package init(population: Population, data: ExperimentData) {
        self.population = population
        self.data = data
    }

    /// The name of a row's label; `nil` for texts without labels.
    private func label(of row: Int) -> String? {
        data.input.labelNames.isEmpty ? nil : data.input.labelNames[Int(data.input.labels[row])]
    }

    private struct Line: Encodable {
        let text: String
        let label: String?
        let split: String
    }

    /// A client's name as that of a file: it may come from the data, and must not lead anywhere else.
    private static func fileName(of client: String) -> String {
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_"))
        return client.addingPercentEncoding(withAllowedCharacters: plain) ?? "client"
    }

    /// Writes `data/CLIENT.jsonl` in `folder` for every client with rows, those to train on first.
    ///
    /// Rows stand in the order in which the simulated client has them, so that both train the same batches.
    package func write(to folder: URL) throws {
        let target = folder.appendingPathComponent("data", isDirectory: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        do {
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            for index in 0..<population.count where population.partition.trainingCount(of: index) > 0 {
                let client = population.client(index)
                var bytes = Data()
                for (split, rows) in [("train", client.trainingRows), ("test", client.heldOutRows)] {
                    for row in rows {
                        bytes += try encoder.encode(
                            Line(text: data.file.rows[row].text, label: label(of: row), split: split)
                        )
                        bytes.append(UInt8(ascii: "\n"))
                    }
                }
                let file = target.appendingPathComponent("\(Self.fileName(of: client.id.rawValue)).jsonl")
                try bytes.write(to: file)
            }
        } catch {
            throw SimulationError.cannotWrite(path: target.path, reason: error.localizedDescription)
        }
    }
}
