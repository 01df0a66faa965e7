package import Foundation

/// A BERT of two layers with random weights, and texts that it can learn.
package enum TinyModel {
    /// The fixture of the Training tests; the repository holds it once.
    package static let directory = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("TrainingTests/Fixtures/tiny-bert", isDirectory: true)

    /// Writes `count` rows, of which every fourth is held out; `offset` makes silos differ.
    package static func writeData(count: Int, offset: Int, to file: URL) throws {
        let fillers = ["a film", "film a b", "c d film", "e f", "film g"]
        let rows = (0..<count).map { index in
            let label = (index + offset) % 2 == 0 ? "good" : "bad"
            let text = "\(fillers[(index + offset) % fillers.count]) \(label)"
            let split = index % 4 == 3 ? "test" : "train"
            return #"{"text": "\#(text)", "label": "\#(label)", "split": "\#(split)"}"#
        }
        try Data((rows.joined(separator: "\n") + "\n").utf8).write(to: file)
    }
}
