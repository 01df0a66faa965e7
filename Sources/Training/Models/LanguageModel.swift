import Adapters
import LinearAlgebra

/// A frozen base model that adapters are trained on.
///
/// The weights are shared by all threads; each thread runs passes in a ``ModelWorker`` of its own. BERT and Llama
/// conform.
protocol LanguageModel: Sendable {
    /// What an adapter can change.
    var adaptable: AdaptableLayers { get }

    /// Creates the buffers of one thread.
    ///
    /// - Parameter recording: Whether gradients are asked for, which need what the forward pass leaves.
    /// - Returns: The model with empty buffers, which grow when they are used.
    func worker(recording: Bool) -> any ModelWorker

    /// Returns the model with low-rank changes added to its weights; layers that nothing changes stay mapped.
    ///
    /// - Parameter residual: s·BA by the path of the layer.
    /// - Returns: The changed model.
    /// - Throws: ``TrainingError/unsuitableAdapter(name:problem:remedy:)`` when a path names no linear layer, or one of
    ///   another size.
    func folding(_ residual: [String: LoRAModule]) throws(TrainingError) -> Self
}

/// A model together with the buffers of one thread, which are used again for every pass.
protocol ModelWorker: Sendable {
    /// Runs one segment there and back.
    ///
    /// - Parameters:
    ///   - batch: Texts with what is expected of them.
    ///   - weight: By how much each target's loss counts in the gradient: 1/n for a mean over n targets.
    ///   - adapter: What is added to the model.
    ///   - gradient: As long as the adapter's flat parameters; the gradient is added to it.
    /// - Returns: The sum of the targets' losses, without the weight.
    mutating func differentiate(
        _ batch: TrainingBatch,
        weight: Double,
        adapter: ActiveAdapter,
        addingTo gradient: inout [Float]
    ) -> Double

    /// Runs segments there and back, each with its own adapter; by default one after the other.
    ///
    /// - Parameters:
    ///   - segments: What to run; together they are no larger than a pass should be.
    ///   - gradients: The gradients of the segments' adapters, one after the other; they are added to it.
    ///   - losses: Receives the sum of the targets' losses of each segment, without the weight.
    mutating func differentiate(
        _ segments: [TrainingSegment],
        addingTo gradients: inout [Float],
        losses: inout [Double]
    )

    /// Runs texts there and back, and leaves with `recorder` what the gradient of each text's summed losses follows from.
    ///
    /// - Parameters:
    ///   - batch: The texts of the recorder, with what is expected of them.
    ///   - adapter: What is added to the model; nothing of it is dropped.
    ///   - recorder: Takes the place of the gradient.
    /// - Returns: The sum of the targets' losses.
    mutating func record(_ batch: TrainingBatch, adapter: ActiveAdapter, in recorder: ExampleRecorder) -> Double

    /// Returns what the model says of each of `texts`.
    mutating func judge(_ texts: PackedTexts, adapter: ActiveAdapter) -> [TextOutput]
}

extension ModelWorker {
    mutating func differentiate(
        _ segments: [TrainingSegment],
        addingTo gradients: inout [Float],
        losses: inout [Double]
    ) {
        losses.removeAll(keepingCapacity: true)
        var own: [Float] = []
        for (segment, start) in zip(segments, segments.gradientStarts) {
            own.resize(to: segment.adapter.layout.count)
            own.clear()
            losses.append(
                differentiate(segment.batch, weight: segment.weight, adapter: segment.adapter, addingTo: &own)
            )
            var all = gradients.mutableSpan
            all.withElements(in: start..<start + own.count) { Elementwise.add(own.span, to: &$0) }
        }
    }
}

/// What a model says of one text.
package enum TextOutput: Sendable, Equatable {
    /// One number a class.
    case logits([Float])
    /// −log p of each token but the first, given those before it: their sum, and how many they are.
    case nextTokens(loss: Double, count: Int)

    /// The logits of a classification.
    var logits: [Float] {
        guard case .logits(let logits) = self else { preconditionFailure("a classification without logits") }
        return logits
    }
}
