private import Adapters
package import FederatedLearning
package import Foundation
private import LinearAlgebra
package import Training

/// A checkpoint of a training as a safetensors file.
///
/// Its tensors are `values`, `first_moment` and, with AdamW, `second_moment`; the notes hold the rest, and a SHA-256 over
/// all of it, because safetensors has none.
package enum CheckpointDocument {
    private enum Name {
        static let values = "values"
        static let first = "first_moment"
        static let second = "second_moment"
        static let seal = "sha256"
    }

    /// Returns the bytes of the file.
    ///
    /// - Parameters:
    ///   - checkpoint: Where the training stands.
    ///   - training: Names the training.
    /// - Returns: A safetensors file.
    package static func bytes(of checkpoint: TrainingCheckpoint, of training: ContentDigest) -> [UInt8] {
        var tensors = [tensor(Name.values, checkpoint.values), tensor(Name.first, checkpoint.moments.first)]
        if !checkpoint.moments.second.isEmpty { tensors.append(tensor(Name.second, checkpoint.moments.second)) }
        return SafetensorsDocument(
            tensors,
            metadata: [
                "step": "\(checkpoint.step)", "tokens": "\(checkpoint.totals.tokenCount)",
                "loss_sum": "\(checkpoint.totals.lossSum)", "latest_loss": "\(checkpoint.totals.latestLoss)",
                "seconds": "\(checkpoint.totals.seconds)", Name.seal: "\(seal(of: checkpoint, of: training))",
            ]
        ).bytes()
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: Where it is.
    ///   - training: The training whose checkpoint is wanted.
    /// - Returns: The checkpoint; `nil` when the file is of another training, or damaged.
    /// - Throws: `AdapterError` when it is no safetensors file.
    package static func read(_ file: URL, of training: ContentDigest) throws -> TrainingCheckpoint? {
        let tensors = try SafetensorsFile(path: file.path, limits: .payload)
        func floats(_ name: String) throws -> [Float] {
            guard let tensor = tensors.tensors.first(where: { $0.name == name }) else { return [] }
            return try tensors.floats(of: tensor)
        }
        let notes = tensors.header.metadata ?? [:]
        func note<Number: LosslessStringConvertible>(_ key: String) -> Number? { notes[key].flatMap(Number.init) }
        guard let step: Int = note("step"), let tokens: Int = note("tokens"), let lossSum: Double = note("loss_sum"),
            let latestLoss: Double = note("latest_loss"), let seconds: Double = note("seconds")
        else { return nil }
        let checkpoint = TrainingCheckpoint(
            step: step,
            values: try floats(Name.values),
            moments: OptimizerMoments(first: try floats(Name.first), second: try floats(Name.second)),
            totals: .init(tokenCount: tokens, lossSum: lossSum, latestLoss: latestLoss, seconds: seconds)
        )
        guard notes[Name.seal] == seal(of: checkpoint, of: training).hexadecimal else { return nil }
        return checkpoint
    }

    private static func tensor(_ name: String, _ elements: [Float]) -> SafetensorsDocument.Tensor {
        SafetensorsDocument.Tensor(name: name, shape: [elements.count], elements: elements)
    }

    /// The digest of everything in a checkpoint, and of whose it is.
    private static func seal(of checkpoint: TrainingCheckpoint, of training: ContentDigest) -> ContentDigest {
        let totals = checkpoint.totals
        let figures = [totals.lossSum, totals.latestLoss, totals.seconds].map { "\($0)" }
        var bytes = Data("\(training) \(checkpoint.step) \(totals.tokenCount) \(figures)".utf8)
        for numbers in [checkpoint.values, checkpoint.moments.first, checkpoint.moments.second] {
            bytes += Data("\(numbers.count) ".utf8)
            bytes += ElementFormat.binary32.encode(numbers.span)
        }
        return ContentDigest(hashing: bytes)
    }
}
