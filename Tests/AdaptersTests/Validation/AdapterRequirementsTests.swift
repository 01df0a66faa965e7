import LinearAlgebra
import Testing

@testable import Adapters

struct AdapterRequirementsTests {
    private let good = LoRAAdapter.initial(
        for: [
            LinearLayer(path: "m.q", outputWidth: 6, inputWidth: 8),
            LinearLayer(path: "m.v", outputWidth: 8, inputWidth: 8),
        ],
        rank: 2,
        alpha: 4,
        head: ClassificationHead(labelCount: 3, hiddenSize: 8),
        seed: 1
    )

    private var requirements: AdapterRequirements { AdapterRequirements(likeness: good, rank: 2, scaling: 2) }

    @Test("lets an adapter pass that is as it was ordered")
    func passes() {
        #expect(throws: Never.self) { try requirements.check(good, source: "berlin") }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let change: @Sendable (inout LoRAAdapter) -> Void
        let error: AdapterError
        var testDescription: String { name }
    }

    private static let a = "base_model.model.m.q.lora_A.weight"
    private static let b = "base_model.model.m.q.lora_B.weight"

    @Test(
        "says what does not fit",
        arguments: [
            Case(
                name: "missing layer",
                change: { $0.modules["m.q"] = nil },
                error: .unexpectedTensors(missing: ["m.q"], unknown: [], source: "berlin")
            ),
            Case(
                name: "unknown layer",
                change: { $0.modules["m.k"] = $0.modules["m.q"] },
                error: .unexpectedTensors(missing: [], unknown: ["m.k"], source: "berlin")
            ),
            Case(
                name: "unknown head",
                change: { $0.savedTensors["x"] = DenseTensor(shape: [], elements: [1]) },
                error: .unexpectedTensors(missing: [], unknown: ["x"], source: "berlin")
            ),
            Case(
                name: "missing head",
                change: { $0.savedTensors["classifier.bias"] = nil },
                error: .unexpectedTensors(missing: ["classifier.bias"], unknown: [], source: "berlin")
            ),
            Case(
                name: "rank",
                change: {
                    $0.modules["m.q"] = LoRAModule(
                        a: Matrix(rows: 3, columns: 8),
                        b: Matrix(rows: 6, columns: 3),
                        alpha: 6
                    )
                },
                error: .rankMismatch(module: "m.q", expected: 2, found: 3, source: "berlin")
            ),
            Case(
                name: "input width",
                change: { $0.modules["m.q"]?.a = Matrix(rows: 2, columns: 9) },
                error: .shapeMismatch(tensor: a, expected: [2, 8], found: [2, 9], source: "berlin")
            ),
            Case(
                name: "output width",
                change: { $0.modules["m.q"]?.b = Matrix(rows: 8, columns: 2) },
                error: .shapeMismatch(tensor: b, expected: [6, 2], found: [8, 2], source: "berlin")
            ),
            Case(
                name: "head's shape",
                change: { $0.savedTensors["classifier.bias"] = DenseTensor(shape: [1, 3], elements: [0, 0, 0]) },
                error: .shapeMismatch(tensor: "classifier.bias", expected: [3], found: [1, 3], source: "berlin")
            ),
            Case(
                name: "scale",
                change: { $0.modules["m.q"]?.alpha = 8 },
                error: .scalingMismatch(module: "m.q", expected: 2, found: 4, source: "berlin")
            ),
            Case(
                name: "NaN",
                change: { $0.modules["m.q"]?.a[1, 7] = .nan },
                error: .notFinite(tensor: a, source: "berlin")
            ),
            Case(
                name: "infinity",
                change: { $0.modules["m.q"]?.b[0, 0] = -.infinity },
                error: .notFinite(tensor: b, source: "berlin")
            ),
            Case(
                name: "NaN in the head",
                change: { $0.savedTensors["classifier.bias"]?.elements[2] = .signalingNaN },
                error: .notFinite(tensor: "classifier.bias", source: "berlin")
            ),
            Case(
                name: "too large",
                change: { $0.modules["m.q"]?.b[0, 0] = -2e6 },
                error: .valueTooLarge(tensor: b, value: 2e6, limit: 1e6, source: "berlin")
            ),
            Case(
                name: "product",
                change: {
                    $0.modules["m.q"]?.a[0, 0] = 1e6
                    $0.modules["m.q"]?.b[0, 0] = 1e6
                },
                error: .productTooLarge(module: "m.q", bound: 4e12, limit: 1e9, source: "berlin")
            ),
        ]
    )
    func refusals(_ test: Case) {
        var adapter = good
        test.change(&adapter)
        #expect(throws: test.error) { try requirements.check(adapter, source: "berlin") }
        #expect(test.error.description.contains("berlin"))
    }

    @Test("refuses a flood of subnormal values and lets a few pass")
    func subnormals() {
        let layer = LinearLayer(path: "q", outputWidth: 100, inputWidth: 100)
        var adapter = LoRAAdapter.initial(for: [layer], rank: 10, alpha: 10, seed: 1)
        let requirements = AdapterRequirements(likeness: adapter, rank: 10, scaling: 1)
        for column in 0..<16 { adapter.modules["q"]?.a[0, column] = .leastNonzeroMagnitude }
        #expect(throws: Never.self) { try requirements.check(adapter, source: "s") }
        adapter.modules["q"]?.a[0, 16] = -Float.leastNormalMagnitude.nextDown
        let error = AdapterError.subnormalValues(
            tensor: "base_model.model.q.lora_A.weight",
            count: 17,
            of: 1000,
            source: "s"
        )
        #expect(throws: error) { try requirements.check(adapter, source: "s") }
        adapter.modules["q"]?.a[0, 16] = .leastNormalMagnitude
        #expect(throws: Never.self) { try requirements.check(adapter, source: "s") }
    }

    @Test("takes a saved tensor in a layer's place for unknown, whatever its name")
    func swappedKinds() {
        var adapter = good
        adapter.savedTensors["m.q"] = DenseTensor(shape: [], elements: [1])
        #expect(throws: AdapterError.self) { try requirements.check(adapter, source: "s") }
    }
}
