import LinearAlgebra

/// Finds losses and gradients of segments on one thread.
///
/// Everything that a pass writes is kept for the next one.
struct TrainingPass: Sendable {
    private var model: any ModelWorker
    /// The sum of the losses of each segment.
    private(set) var losses: [Double] = []
    /// The segments' gradients, one after the other.
    private var gradients: [Float] = []
    private var starts: [Int] = [0]
    private var lossesOfGroup: [Double] = []

    init(model: any LanguageModel) { self.model = model.worker(recording: true) }

    /// How many tokens go through the model together at most, unless a single segment has more: beyond that nothing is
    /// gained and buffers grow.
    private static let largestPass = 512

    /// Runs all segments; ``losses`` and ``withGradient(of:_:)`` then hold what was found.
    mutating func run(_ segments: [TrainingSegment]) {
        starts = segments.gradientStarts
        losses.removeAll(keepingCapacity: true)
        gradients.resize(to: starts[segments.count])
        gradients.clear()
        var first = 0
        while first < segments.count {
            var (end, tokens) = (first, 0)
            repeat {
                tokens += segments[end].batch.texts.tokenCount
                end += 1
            } while end < segments.count && segments[first].clipping == nil && segments[end].clipping == nil
                && tokens + segments[end].batch.texts.tokenCount <= Self.largestPass
            run(segments, first..<end)
            first = end
        }
    }

    private mutating func run(_ segments: [TrainingSegment], _ group: Range<Int>) {
        if let clipping = segments[group.lowerBound].clipping {
            let segment = segments[group.lowerBound]
            let found = ExampleGradients(of: segment.batch, adapter: segment.adapter, clipping: clipping, by: &model)
            gradients.copy(found.sum[...], to: starts[group.lowerBound])
            losses.append(found.loss)
            return
        }
        if group.count == segments.count {
            model.differentiate(segments, addingTo: &gradients, losses: &losses)
            return
        }
        var own = [Float](repeating: 0, count: starts[group.upperBound] - starts[group.lowerBound])
        model.differentiate(Array(segments[group]), addingTo: &own, losses: &lossesOfGroup)
        gradients.copy(own[...], to: starts[group.lowerBound])
        losses += lossesOfGroup
    }

    /// Lends the gradient of a segment.
    func withGradient<Result>(of segment: Int, _ body: (Span<Float>) -> Result) -> Result {
        body(gradients.span.extracting(starts[segment]..<starts[segment + 1]))
    }
}

/// Passes that run side by side, one a thread.
extension [TrainingPass] {
    /// Deals segments out to the passes in turn and runs them.
    ///
    /// - Returns: How many segments there were.
    mutating func run(_ segments: [TrainingSegment]) -> Int {
        let passCount = count
        Concurrency.forEach(in: &self, threads: passCount) { index, pass in
            pass.run(stride(from: index, to: segments.count, by: passCount).map { segments[$0] })
        }
        return segments.count
    }

    /// Lends the sum of the losses and the gradient of a segment, whichever pass ran it.
    func withResult<Result>(of segment: Int, _ body: (Double, Span<Float>) -> Result) -> Result {
        let (pass, place) = (self[segment % count], segment / count)
        return pass.withGradient(of: place) { body(pass.losses[place], $0) }
    }
}
