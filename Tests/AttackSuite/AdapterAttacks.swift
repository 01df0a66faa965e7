import Adapters
import FederationHarness
import LinearAlgebra

/// Sound files whose tensors are not what the order asked for, or hold what must not reach a sum.
enum AdapterAttacks {
    static let all: [Attack] = values + shapes + names

    private static func adapter(
        _ name: String,
        _ threat: Threat,
        _ reason: String,
        _ corrupt: @Sendable @escaping (inout LoRAAdapter) -> Void
    ) -> Attack {
        Attack(
            "adapter/\(name)",
            threat,
            .offers(
                Offering(corrupting: { adapter in
                    var adapter = adapter
                    corrupt(&adapter)
                    return adapter
                })
            ),
            .rejected(reason)
        )
    }

    // MARK: - Values

    /// Puts one value into the first layer's A, B, or the head.
    private static func value(_ name: String, _ value: Float, _ reason: String) -> [Attack] {
        [
            adapter("\(name)-in-a", .adapterValues, reason) { $0.changeFirstLayer { $0.a[0, 0] = value } },
            adapter("\(name)-in-b", .adapterValues, reason) { $0.changeFirstLayer { $0.b[0, 0] = value } },
            adapter("\(name)-in-the-head", .adapterValues, reason) {
                $0.savedTensors["classifier.bias"]?.elements[1] = value
            },
        ]
    }

    private static let values: [Attack] =
        value("nan", .nan, "NaN") + value("signalling-nan", .signalingNaN, "NaN")
        + value("infinity", .infinity, "NaN or infinite") + value("minus-infinity", -.infinity, "NaN or infinite")
        + value("the-largest-float", .greatestFiniteMagnitude, "at most")
        + value("a-thousand-billions", -1e12, "at most")
        + [
            adapter("product-that-overflows", .adapterValues, "can reach") { adapter in
                adapter.changeFirstLayer { layer in
                    layer.a[0, 0] = 1e6
                    layer.b[0, 0] = 1e6
                }
            },
            adapter("flood-of-denormals", .adapterValues, "smaller than a float") { adapter in
                adapter.changeFirstLayer { layer in
                    for row in 0..<layer.a.rows {
                        for column in 0..<layer.a.columns { layer.a[row, column] = .leastNonzeroMagnitude }
                    }
                }
            },
        ]

    // MARK: - Shapes

    private static func zeros(_ rows: Int, _ columns: Int) -> Matrix {
        Matrix(rows: rows, columns: columns, elements: [Float](repeating: 0, count: rows * columns))
    }

    private static let shapes: [Attack] = [
        adapter("rank-1-where-8-was-ordered", .adapterFit, "rank 1") { adapter in
            adapter.changeFirstLayer { layer in
                (layer.a, layer.b) = (zeros(1, layer.inputWidth), zeros(layer.outputWidth, 1))
            }
        },
        adapter("rank-64-where-8-was-ordered", .adapterFit, "rank 64") { adapter in
            adapter.changeFirstLayer { layer in
                (layer.a, layer.b) = (zeros(64, layer.inputWidth), zeros(layer.outputWidth, 64))
            }
        },
        adapter("layer-with-a-wider-input", .adapterFit, "shape") { adapter in
            adapter.changeFirstLayer { $0.a = zeros($0.rank, $0.inputWidth + 1) }
        },
        adapter("layer-with-a-narrower-output", .adapterFit, "shape") { adapter in
            adapter.changeFirstLayer { $0.b = zeros($0.outputWidth - 1, $0.rank) }
        },
        adapter("layer-that-is-transposed", .adapterFit, "shape") { adapter in
            adapter.changeFirstLayer { layer in
                (layer.a, layer.b) = (zeros(layer.rank, layer.outputWidth * 2), zeros(layer.inputWidth * 2, layer.rank))
            }
        },
        adapter("head-for-more-labels", .adapterFit, "shape") {
            $0.savedTensors["classifier.bias"] = DenseTensor(shape: [3], elements: [0, 0, 0])
        },
        adapter("head-of-another-dimension", .adapterFit, "shape") {
            $0.savedTensors["classifier.bias"] = DenseTensor(shape: [2, 1], elements: [0, 0])
        },
        adapter("head-without-elements", .adapterFit, "shape") {
            $0.savedTensors["classifier.bias"] = DenseTensor(shape: [0], elements: [])
        },
        adapter("core-that-nobody-asked-for", .adapterFit, "lora_R") { adapter in
            adapter.changeFirstLayer { $0.core = zeros($0.rank, $0.rank) }
        },
    ]

    // MARK: - Names

    private static let names: [Attack] = [
        adapter("layer-that-is-missing", .adapterFit, "missing") { adapter in
            if let path = adapter.modules.keys.min() { adapter.modules[path] = nil }
        },
        adapter("layer-that-no-model-has", .adapterFit, "unknown") { adapter in
            adapter.modules["bert.encoder.layer.99.attention.self.query"] = adapter.modules.values.first
        },
        adapter("layer-called-a-path", .adapterFit, "unknown") { adapter in
            adapter.modules["../../../../etc/passwd"] = adapter.modules.values.first
        },
        adapter("head-that-is-missing", .adapterFit, "missing") { $0.savedTensors["classifier.bias"] = nil },
        adapter("tensor-that-nobody-asked-for", .adapterFit, "unknown") {
            $0.savedTensors["bert.embeddings.word_embeddings.weight"] = DenseTensor(shape: [1], elements: [1])
        },
        adapter("residual-that-nobody-asked-for", .adapterFit, "residual") { $0.residual = $0.modules },
        adapter("control-variates-that-nobody-asked-for", .adapterFit, "control") {
            $0.controls = ["classifier.bias": DenseTensor(shape: [2], elements: [0, 0])]
        },
    ]
}

extension LoRAAdapter {
    /// Changes the layer whose path comes first.
    fileprivate mutating func changeFirstLayer(_ change: (inout LoRAModule) -> Void) {
        guard let path = modules.keys.min(), var layer = modules[path] else { return }
        change(&layer)
        modules[path] = layer
    }
}
