/// An adapter in the form that passes read: the flat numbers and where each of them lies.
struct ActiveAdapter: Sendable {
    let layout: AdapterLayout
    var parameters: [Float]
    /// The dropout of this pass; `nil` when nothing is dropped.
    var dropout: LayerAdapter.Dropout?

    /// The adapter as block `index` of the model sees it, when it adapts all rows.
    func layer(_ index: Int) -> LayerAdapter {
        LayerAdapter(segments: [segment(index, tokens: 0..<0, texts: 0..<0, 0..<layout.count)])
    }

    /// The adapter as block `index` of the model sees it in some rows of a batch.
    ///
    /// - Parameters:
    ///   - index: The block.
    ///   - tokens: The rows in matrices with a row a token.
    ///   - texts: The rows in matrices with a row a text.
    ///   - gradient: Where the adapter's numbers lie in the gradient of the batch.
    /// - Returns: The rows with their groups.
    func segment(
        _ index: Int,
        tokens: Range<Int>,
        texts: Range<Int>,
        _ gradient: Range<Int>
    ) -> LayerAdapter.Segment {
        LayerAdapter.Segment(
            groups: layout.layers[index],
            parameters: parameters,
            dropout: dropout(at: index),
            tokens: tokens,
            texts: texts,
            gradient: gradient
        )
    }

    /// The adapter as the pooler sees it, which is like a layer with one linear layer in it.
    func pooler(tokens: Range<Int>, texts: Range<Int>, _ gradient: Range<Int>) -> LayerAdapter.Segment {
        LayerAdapter.Segment(
            groups: layout.pooler.map { [.output: $0] } ?? [:],
            parameters: parameters,
            dropout: dropout(at: layout.layers.count),
            tokens: tokens,
            texts: texts,
            gradient: gradient
        )
    }

    private func dropout(at index: Int) -> LayerAdapter.Dropout? {
        dropout.map { .init(probability: $0.probability, seed: $0.seed &+ UInt64(index) &* 0xD134_2543_DE82_EF95) }
    }
}
