package import Adapters
private import LinearAlgebra

/// How far two adapters of one base model are from each other, layer by layer.
///
/// Distances are between the changes ΔW = s·BA, because factors of equal changes may differ. They are computed from
/// the factors; no ΔW is ever formed.
package struct AdapterDistance: Sendable, Hashable, Codable {
    /// A layer that both adapt.
    package struct Layer: Sendable, Hashable, Codable {
        package let path: String
        /// ‖ΔW₁‖_F and ‖ΔW₂‖_F.
        package let norms: [Double]
        /// ‖ΔW₁ − ΔW₂‖_F.
        package let distance: Double
        /// ‖ΔW₁ − ΔW₂‖_F/‖ΔW₁‖_F; `nil` where the first changes nothing.
        package let relativeDistance: Double?
        /// ⟨ΔW₁, ΔW₂⟩/(‖ΔW₁‖·‖ΔW₂‖); `nil` where one changes nothing.
        package let cosine: Double?
        /// Principal angles between what the changes read (row spaces), in degrees, ascending.
        package let inputAngles: [Double]
        /// Principal angles between what the changes write (column spaces), in degrees, ascending.
        package let outputAngles: [Double]
        /// See ``PrincipalAngles/overlap``.
        package let inputOverlap: Double?
        package let outputOverlap: Double?

        enum CodingKeys: String, CodingKey {
            case path, norms, distance, cosine
            case relativeDistance = "relative_distance"
            case inputAngles = "input_angles"
            case outputAngles = "output_angles"
            case inputOverlap = "input_overlap"
            case outputOverlap = "output_overlap"
        }
    }

    /// A tensor that both save whole.
    package struct SavedTensor: Sendable, Hashable, Codable {
        package let name: String
        package let distance: Double
        package let relativeDistance: Double?

        enum CodingKeys: String, CodingKey {
            case name, distance
            case relativeDistance = "relative_distance"
        }
    }

    package let layers: [Layer]
    package let savedTensors: [SavedTensor]
    /// Layers and tensors that one of the two lacks.
    package let onlyInFirst: [String]
    package let onlyInSecond: [String]
    /// Over all common layers together, as if they were one matrix.
    package let distance: Double
    package let relativeDistance: Double?
    package let cosine: Double?

    enum CodingKeys: String, CodingKey {
        case layers, distance, cosine
        case savedTensors = "saved_tensors"
        case onlyInFirst = "only_in_first"
        case onlyInSecond = "only_in_second"
        case relativeDistance = "relative_distance"
    }

    /// Compares two adapters.
    ///
    /// - Throws: ``AdapterToolsError`` when a common layer has two shapes, or there is none.
    /// - Complexity: O((out + in)·(r₁ + r₂)²) a layer.
    package init(between first: LoRAAdapter, and second: LoRAAdapter) throws(AdapterToolsError) {
        let common = first.modules.keys.filter { second.modules[$0] != nil }.sorted(by: LayerOrder.precedes)
        guard !common.isEmpty else { throw .nothingInCommon }
        var layers: [Layer] = []
        for path in common {
            guard let left = first.modules[path], let right = second.modules[path] else { continue }
            layers.append(try Self.layer(at: path, left.withoutCore, right.withoutCore))
        }
        var saved: [SavedTensor] = []
        for (name, left) in first.savedTensors.sorted(by: { $0.key < $1.key }) {
            guard let right = second.savedTensors[name] else { continue }
            guard left.shape == right.shape else { throw .differentShapes(name: name, left.shape, right.shape) }
            let difference = DenseTensor(shape: left.shape, elements: zip(left.elements, right.elements).map(-))
            saved.append(
                SavedTensor(
                    name: name,
                    distance: difference.norm,
                    relativeDistance: Self.quotient(difference.norm, left.norm)
                )
            )
        }
        self.layers = layers
        self.savedTensors = saved
        func names(of adapter: LoRAAdapter) -> Set<String> {
            Set(adapter.modules.keys).union(adapter.savedTensors.keys)
        }
        self.onlyInFirst = names(of: first).subtracting(names(of: second)).sorted(by: LayerOrder.precedes)
        self.onlyInSecond = names(of: second).subtracting(names(of: first)).sorted(by: LayerOrder.precedes)
        func total(_ value: (Layer) -> Double) -> Double {
            layers.reduce(0) { $0 + value($1) * value($1) }.squareRoot()
        }
        let (left, right) = (total { $0.norms[0] }, total { $0.norms[1] })
        self.distance = total(\.distance)
        self.relativeDistance = Self.quotient(distance, left)
        self.cosine = Self.cosine(norms: left, right, distance: distance)
    }

    private static func layer(
        at path: String,
        _ left: LoRAModule,
        _ right: LoRAModule
    ) throws(AdapterToolsError) -> Layer {
        let shapes = [[left.outputWidth, left.inputWidth], [right.outputWidth, right.inputWidth]]
        guard shapes[0] == shapes[1] else { throw .differentShapes(name: path, shapes[0], shapes[1]) }
        let changes = [FactoredSum(of: left), FactoredSum(of: right)]
        var difference = changes[0]
        difference.add(right.b, right.a, coefficient: -right.scaling)
        let norms = changes.map { $0.frobeniusNorm() }
        let distance = difference.frobeniusNorm()
        let (input, output): (PrincipalAngles, PrincipalAngles)
        do {
            let bases = (
                try Self.bases(of: changes[0], rank: left.rank), try Self.bases(of: changes[1], rank: right.rank)
            )
            input = try PrincipalAngles(between: bases.0.rows, and: bases.1.rows)
            output = try PrincipalAngles(between: bases.0.columns, and: bases.1.columns)
        } catch {
            throw .factorizationFailed(layer: path, reason: error.description)
        }
        return Layer(
            path: path,
            norms: norms,
            distance: distance,
            relativeDistance: quotient(distance, norms[0]),
            cosine: cosine(norms: norms[0], norms[1], distance: distance),
            inputAngles: input.degrees,
            outputAngles: output.degrees,
            inputOverlap: input.overlap,
            outputOverlap: output.overlap
        )
    }

    /// Singular values below this share of the largest are rounding of 32-bit factors, and span nothing.
    private static let rounding = 1e-6

    /// Orthonormal bases of the row and the column space of a change, as the columns of two matrices.
    private static func bases(
        of change: FactoredSum,
        rank: Int
    ) throws(LinearAlgebraError) -> (rows: Matrix, columns: Matrix) {
        let rank = min(rank, change.rows, change.columns)
        let empty = (Matrix(rows: change.columns, columns: 0), Matrix(rows: change.rows, columns: 0))
        guard rank > 0 else { return empty }
        let triplets = try change.truncatedSVD(rank: rank)
        let largest = triplets.singularValues.first ?? 0
        let count = triplets.singularValues.prefix { $0 > largest * rounding }.count
        guard count > 0 else { return empty }
        return (triplets.vt.firstRows(count).transposed(), triplets.u.firstColumns(count))
    }

    private static func quotient(_ value: Double, _ norm: Double) -> Double? { norm > 0 ? value / norm : nil }

    /// By the law of cosines: ‖x − y‖² = ‖x‖² + ‖y‖² − 2⟨x, y⟩, all three in 64 bits.
    private static func cosine(norms left: Double, _ right: Double, distance: Double) -> Double? {
        guard left > 0, right > 0 else { return nil }
        let cosine = (left * left + right * right - distance * distance) / (2 * left * right)
        return min(max(cosine, -1), 1)
    }
}
