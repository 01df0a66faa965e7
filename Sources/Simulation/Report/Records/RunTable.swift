private import Foundation
private import Training

/// A table that a run wrote: `rounds.csv`, `clients.csv` or `partition.csv`.
struct RunTable: Sendable {
    let columns: [String]
    /// One list of fields a row, as long as ``columns``.
    let rows: [[String]]

    /// Reads the file at `path`.
    ///
    /// - Throws: ``SimulationError/unreadableRun(path:problem:)``.
    init(path: String) throws(SimulationError) {
        let records: [[String]]
        do {
            records = try DelimitedFile.records(path: path)
        } catch {
            throw .unreadableRun(path: path, problem: "\(error)")
        }
        guard let header = records.first else { throw .unreadableRun(path: path, problem: "it is empty") }
        guard let ragged = records.first(where: { $0.count != header.count }) else {
            columns = header
            rows = Array(records.dropFirst())
            return
        }
        throw .unreadableRun(
            path: path,
            problem: "a row has \(ragged.count) fields where the header has \(header.count)"
        )
    }

    /// The texts of a column; empty ones where the table has no such column.
    func texts(_ column: String) -> [String] {
        guard let place = columns.firstIndex(of: column) else { return rows.map { _ in "" } }
        return rows.map { $0[place] }
    }

    /// The numbers of a column; not-a-number where a field is empty.
    func numbers(_ column: String) -> [Double] { texts(column).map { Double($0) ?? .nan } }
}
