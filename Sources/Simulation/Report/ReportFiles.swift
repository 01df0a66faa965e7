import Foundation
import Plotting

/// Writes the pictures of a report.
enum ReportFiles {
    /// Writes each figure as an SVG file of its own into `folder`, which is made where it is missing.
    static func write(_ figures: [Figure], to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for figure in figures {
            try Data(figure.picture.file.utf8)
                .write(to: folder.appendingPathComponent("\(figure.name).svg"), options: .atomic)
        }
    }
}
