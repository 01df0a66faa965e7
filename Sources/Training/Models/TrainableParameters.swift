import Adapters
import LinearAlgebra

/// The numbers of an adapter that a round trains, in one flat array: what optimizers and corrections see.
///
/// The model reads all factors (``AdapterLayout``); a round may train some of them only. Frozen factors are not part of
/// this array, so nothing can change them. Where cores are trained, the model's B is B·R: its gradient dB gives the
/// core's, dR = Bᵀ·dB.
struct TrainableParameters: Sendable {
    private enum Part: Sendable {
        /// Numbers that the model reads as they are.
        case same(Range<Int>)
        /// R of a module, r×r; the model reads B·R.
        case core(module: String, basis: Matrix, product: Range<Int>)
    }

    private let layout: AdapterLayout
    private let start: LoRAAdapter
    /// With the names of ``Adapters/LoRAAdapter/trainedTensors(_:)``.
    private let parts: [(part: Part, range: Range<Int>, name: String)]
    /// How many numbers are trained.
    let count: Int

    /// Selects what `trained` says, and every saved tensor.
    ///
    /// - Throws: ``TrainingError/unsuitableAdapter(name:problem:remedy:)`` when cores are to be trained and a module has
    ///   none.
    init(layout: AdapterLayout, adapter: LoRAAdapter, trained: TrainedFactors) throws(TrainingError) {
        self.layout = layout
        self.start = adapter
        var parts: [(part: Part, range: Range<Int>, name: String)] = []
        var count = 0
        func add(_ part: Part, _ name: String, count length: Int) {
            parts.append((part, count..<count + length, name))
            count += length
        }
        for piece in layout.pieces {
            switch piece.source {
            case .a(let path):
                if trained.includesA { add(.same(piece.range), LoRAAdapter.nameOfA(path), count: piece.range.count) }
            case .b(let path):
                if trained.includesB { add(.same(piece.range), LoRAAdapter.nameOfB(path), count: piece.range.count) }
                guard trained.includesCore else { continue }
                guard let module = adapter.modules[path], let core = module.core else {
                    throw .unsuitableAdapter(
                        name: path,
                        problem: "has no core to train",
                        remedy: "Start the job again: its strategy makes the cores."
                    )
                }
                let part = Part.core(module: path, basis: module.b, product: piece.range)
                add(part, LoRAAdapter.nameOfCore(path), count: core.count)
            case .saved(let name): add(.same(piece.range), name, count: piece.range.count)
            }
        }
        self.parts = parts
        self.count = count
    }

    /// The numbers as they are at the start.
    func initialValues(in flat: [Float]) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(count)
        for (part, _, _) in parts {
            switch part {
            case .same(let range): values += flat[range]
            case .core(let module, _, _): values += start.modules[module]?.core?.elements ?? []
            }
        }
        return values
    }

    /// Finds their gradient, given that of everything the model reads.
    func gradient(of flat: [Float], into gradient: inout [Float]) {
        gradient.resize(to: count)
        for (part, range, _) in parts {
            switch part {
            case .same(let place): gradient.copy(flat[place], to: range.lowerBound)
            case .core(_, let basis, let product):
                let rows = Matrix(rows: basis.rows, columns: basis.columns, elements: Array(flat[product]))
                gradient.copy(basis.transposedTimes(rows).elements[...], to: range.lowerBound)
            }
        }
    }

    /// Writes the numbers to where the model reads them.
    func write(_ values: [Float], to flat: inout [Float]) {
        for (part, range, _) in parts {
            switch part {
            case .same(let place): flat.copy(values[range], to: place.lowerBound)
            case .core(_, let basis, let product):
                let core = Matrix(rows: basis.columns, columns: basis.columns, elements: Array(values[range]))
                flat.copy((basis * core).elements[...], to: product.lowerBound)
            }
        }
    }

    /// Returns the adapter whose trained numbers are `values`; everything else has the bits that it started with.
    func adapter(_ values: [Float]) -> LoRAAdapter {
        var flat = layout.flatten(start)
        for (part, range, _) in parts {
            if case .same(let place) = part { flat.replaceSubrange(place, with: values[range]) }
        }
        var adapter = layout.adapter(from: flat)
        for (part, range, _) in parts {
            guard case .core(let module, let basis, _) = part else { continue }
            adapter.modules[module]?.b = basis
            let core = Matrix(rows: basis.columns, columns: basis.columns, elements: Array(values[range]))
            adapter.modules[module]?.core = core
        }
        return adapter
    }

    /// Returns tensors that go with the trained ones in their places; zeros where there is none.
    func values(of tensors: [String: DenseTensor]) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        for (_, range, name) in parts {
            guard let tensor = tensors[name], tensor.elements.count == range.count else { continue }
            values.replaceSubrange(range, with: tensor.elements)
        }
        return values
    }

    /// Where the numbers of a factor lie among the trained ones; `nil` when it is frozen.
    func range(of source: AdapterLayout.Piece.Source) -> Range<Int>? {
        guard let place = layout.pieces.first(where: { $0.source == source })?.range else { return nil }
        for (part, range, _) in parts {
            if case .same(place) = part { return range }
        }
        return nil
    }

    /// The frozen B's of the modules whose core is trained, by where the model reads B·R.
    var bases: [Range<Int>: Matrix] {
        parts.reduce(into: [:]) { bases, part in
            if case .core(_, let basis, let product) = part.part { bases[product] = basis }
        }
    }

    /// Where the numbers of B's lie among the trained ones, in order.
    var rangesOfB: [Range<Int>] {
        layout.pieces.compactMap { piece in
            if case .b = piece.source { range(of: piece.source) } else { nil }
        }
    }
}
