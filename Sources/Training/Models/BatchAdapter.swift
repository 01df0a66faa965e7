/// The adapters of a batch: one for each segment of its texts.
struct BatchAdapter: Sendable {
    /// The rows of one segment and their adapter.
    struct Segment: Sendable {
        let adapter: ActiveAdapter
        let tokens: Range<Int>
        let texts: Range<Int>
        /// Where the segment's numbers lie in the gradient of the batch.
        let gradient: Range<Int>
    }

    let segments: [Segment]
    /// Takes the place of the gradient where each text's is of interest.
    private(set) var recorder: ExampleRecorder?

    /// Adapts all texts of a batch alike.
    ///
    /// With a recorder, gradients of adapters and heads go there and nowhere else.
    init(_ adapter: ActiveAdapter, over texts: PackedTexts, recorder: ExampleRecorder? = nil) {
        self.recorder = recorder
        segments = [
            Segment(
                adapter: adapter,
                tokens: 0..<texts.tokenCount,
                texts: 0..<texts.count,
                gradient: 0..<adapter.layout.count
            )
        ]
    }

    /// Adapts the texts of each segment, which lie one after the other.
    init(_ segments: [TrainingSegment]) {
        var (token, text, number) = (0, 0, 0)
        self.segments = segments.map { segment in
            let (tokens, texts) = (segment.batch.texts.tokenCount, segment.batch.texts.count)
            let count = segment.adapter.layout.count
            defer { (token, text, number) = (token + tokens, text + texts, number + count) }
            return Segment(
                adapter: segment.adapter,
                tokens: token..<token + tokens,
                texts: text..<text + texts,
                gradient: number..<number + count
            )
        }
    }

    /// The adapters as block `index` of the model sees them.
    func layer(_ index: Int) -> LayerAdapter {
        LayerAdapter(
            segments: segments.map { $0.adapter.segment(index, tokens: $0.tokens, texts: $0.texts, $0.gradient) },
            recorder: recorder
        )
    }

    /// The adapters as the pooler sees them.
    var pooler: LayerAdapter {
        LayerAdapter(
            segments: segments.map { $0.adapter.pooler(tokens: $0.tokens, texts: $0.texts, $0.gradient) },
            recorder: recorder
        )
    }

    /// Whether any of the poolers is adapted.
    var adaptsPooler: Bool { segments.contains { $0.adapter.layout.pooler != nil } }

    /// The lowest place of the blocks that any of them adapts: below it no gradient is needed.
    var lowestAdapted: (layer: Int, input: LayerInput)? {
        segments.compactMap(\.adapter.layout.lowestAdapted).min { $0 < $1 }
    }

    /// How many logits there are: one a text and label.
    var logitCount: Int {
        segments.reduce(0) { $0 + $1.texts.count * $1.adapter.layout.requiredHead.bias.count }
    }
}
