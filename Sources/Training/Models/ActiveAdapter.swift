/// An adapter in the form that passes read: the flat numbers and where each of them lies.
struct ActiveAdapter: Sendable {
    let layout: AdapterLayout
    var parameters: [Float]
    /// The dropout of this pass; `nil` when nothing is dropped.
    var dropout: LayerAdapter.Dropout?

    /// The adapter as block `index` of the model sees it.
    func layer(_ index: Int) -> LayerAdapter {
        LayerAdapter(groups: layout.layers[index], parameters: parameters, dropout: dropout(at: index))
    }

    /// The adapter as the pooler sees it, which is like a layer with one linear layer in it.
    var pooler: LayerAdapter {
        LayerAdapter(
            groups: layout.pooler.map { [.output: $0] } ?? [:],
            parameters: parameters,
            dropout: dropout(at: layout.layers.count)
        )
    }

    private func dropout(at index: Int) -> LayerAdapter.Dropout? {
        dropout.map { .init(probability: $0.probability, seed: $0.seed &+ UInt64(index) &* 0xD134_2543_DE82_EF95) }
    }
}
