package import Adapters
import LinearAlgebra

/// Merges several adapters of one base model into one.
///
/// The methods are those of PEFT's `add_weighted_adapter` by the same names, and give its results. With weights wᵢ and
/// layers ΔWᵢ = sᵢ·BᵢAᵢ:
///
/// | method | result | exact? |
/// |---|---|---|
/// | `svd` | Σ wᵢ·ΔWᵢ cut to a rank by its singular values; never formed | the best of its rank |
/// | `cat` | A and B stacked, of rank Σ rᵢ | exact |
/// | `linear` | A = Σ ±√(wᵢsᵢ)·Aᵢ and B = Σ √(wᵢsᵢ)·Bᵢ | only where factors share a basis |
/// | `ties` | the same sums, of the largest elements and elected signs | as `linear` |
/// | `dare_linear`, `dare_ties` | the same, of random elements, scaled up | as `linear` |
/// | `magnitude_prune` | `linear` of the largest elements | as `linear` |
///
/// The last five work on A and on B apart, as PEFT does, and need equal ranks. The sign of a negative weight goes to A.
/// The result has α = r, so that its scale is 1.
package struct AdapterMerge {
    package enum Method: String, Sendable, CaseIterable {
        case svd, cat, linear, ties
        case dareLinear = "dare_linear"
        case dareTies = "dare_ties"
        case magnitudePrune = "magnitude_prune"

        /// Whether the method leaves elements out.
        package var prunes: Bool {
            switch self {
            case .svd, .cat, .linear: false
            case .ties, .dareLinear, .dareTies, .magnitudePrune: true
            }
        }
    }

    /// An adapter to merge.
    package struct Contribution {
        /// What messages call it.
        package let name: String
        package let directory: PEFTDirectory
        /// Any finite number; a negative one takes the adapter's effect away.
        package let weight: Double

        package init(name: String, directory: PEFTDirectory, weight: Double) {
            self.name = name
            self.directory = directory
            self.weight = weight
        }
    }

    /// Which elements of a factor DARE keeps: given the factor's name, which contribution's it is, and how many there are.
    package typealias Masks = (_ factor: String, _ contribution: Int, _ count: Int) -> [Bool]

    private let method: Method
    /// The rank of the result; `nil` for the method's own.
    private let rank: Int?
    /// The share of elements that is kept.
    private let density: Double
    private let masks: Masks

    /// Creates a merge whose random elements come from a seed.
    ///
    /// - Parameters:
    ///   - method: How to merge.
    ///   - rank: The rank of the result. By default the largest rank for `svd`, Σ rᵢ for `cat`, and the common one for the
    ///     others; a lower one cuts the result by its singular values.
    ///   - density: The share of elements that pruning methods keep, above 0 and at most 1.
    ///   - seed: Decides which elements DARE keeps.
    /// - Throws: ``AdapterToolsError/invalidDensity(_:)``.
    package init(
        _ method: Method,
        rank: Int? = nil,
        density: Double = 1,
        seed: UInt64 = 1
    ) throws(AdapterToolsError) {
        try self.init(method, rank: rank, density: density) { factor, contribution, count in
            let name = factor.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
            var generator = CounterGenerator(seed: seed, stream: [name, UInt64(contribution)])
            return (0..<count).map { _ in generator.uniform() < density }
        }
    }

    /// Creates a merge whose random elements are given.
    package init(
        _ method: Method,
        rank: Int?,
        density: Double,
        masks: @escaping Masks
    ) throws(AdapterToolsError) {
        guard density > 0, density <= 1 else { throw .invalidDensity(density) }
        self.method = method
        self.rank = rank
        self.density = density
        self.masks = masks
    }

    // MARK: - Merging

    /// A layer of one contribution.
    struct Term {
        let contribution: Int
        let module: LoRAModule
        /// wᵢ·sᵢ.
        let coefficient: Double
    }

    /// Merges `contributions`, of which a layer counts only those that adapt it.
    ///
    /// Saved heads are averaged, Σ wᵢhᵢ/Σ wᵢ.
    ///
    /// - Returns: A directory that PEFT loads.
    /// - Throws: ``AdapterToolsError`` that names the layer or adapter which does not go with the others.
    package func merging(_ contributions: [Contribution]) throws(AdapterToolsError) -> PEFTDirectory {
        guard let first = contributions.first else { throw .nothingInCommon }
        for contribution in contributions { try Self.check(contribution, beside: first) }
        let paths = Set(contributions.flatMap(\.directory.adapter.modules.keys)).sorted(by: LayerOrder.precedes)
        var modules: [String: LoRAModule] = [:]
        for path in paths {
            let terms = contributions.enumerated().compactMap { index, contribution -> Term? in
                guard let module = contribution.directory.adapter.modules[path]?.withoutCore else { return nil }
                return Term(contribution: index, module: module, coefficient: contribution.weight * module.scaling)
            }
            modules[path] = try merging(terms, at: path)
        }
        let saved = try Self.averageOfSavedTensors(contributions)
        return Self.directory(of: LoRAAdapter(modules: modules, savedTensors: saved), contributions)
    }

    private func merging(_ terms: [Term], at path: String) throws(AdapterToolsError) -> LoRAModule {
        guard let first = terms.first?.module else { throw .nothingInCommon }
        for term in terms {
            let (left, right) = (
                [first.outputWidth, first.inputWidth], [term.module.outputWidth, term.module.inputWidth]
            )
            guard left == right else { throw .differentShapes(name: path, left, right) }
        }
        if method == .svd || method == .cat {
            var product = FactoredSum(rows: first.outputWidth, columns: first.inputWidth)
            for term in terms { product.add(term.module.b, term.module.a, coefficient: term.coefficient) }
            if method == .cat, rank == nil { return Self.stacking(terms) }
            return try Self.cut(product, to: rank ?? terms.map(\.module.rank).max() ?? 1, at: path)
        }
        let module = try addingFactors(of: terms, at: path)
        guard let rank, rank != module.rank else { return module }
        guard rank < module.rank else { throw .invalidRank(rank, layer: path, offered: 1...module.rank) }
        return try Self.cut(FactoredSum(of: module), to: rank, at: path)
    }

    private static func stacking(_ terms: [Term]) -> LoRAModule {
        let (height, width) = (terms[0].module.outputWidth, terms[0].module.inputWidth)
        let rank = terms.reduce(0) { $0 + $1.module.rank }
        var a: [Float] = []
        var b = Matrix(rows: height, columns: rank)
        var start = 0
        for term in terms {
            a += (Float(term.coefficient) * term.module.a).elements
            for row in 0..<height {
                for column in 0..<term.module.rank { b[row, start + column] = term.module.b[row, column] }
            }
            start += term.module.rank
        }
        return LoRAModule(a: Matrix(rows: rank, columns: width, elements: a), b: b, alpha: Double(rank))
    }

    /// A = Vᵀ and B = U·Σ of the leading triplets, with a scale of 1.
    private static func cut(
        _ product: FactoredSum,
        to rank: Int,
        at path: String
    ) throws(AdapterToolsError) -> LoRAModule {
        let largest = min(product.rows, product.columns)
        guard (1...largest).contains(rank) else { throw .invalidRank(rank, layer: path, offered: 1...largest) }
        do {
            let triplets = try product.truncatedSVD(rank: rank)
            let scales = triplets.singularValues.map { Float($0) }
            return LoRAModule(
                a: triplets.vt,
                b: triplets.u.scalingColumns(by: scales, paddedTo: rank),
                alpha: Double(rank)
            )
        } catch {
            throw .factorizationFailed(layer: path, reason: error.description)
        }
    }

    // MARK: - Factor by factor

    private func addingFactors(of terms: [Term], at path: String) throws(AdapterToolsError) -> LoRAModule {
        let ranks = terms.map(\.module.rank)
        guard Set(ranks).count == 1 else { throw .differentRanks(layer: path, ranks: ranks, method: method) }
        let roots = terms.map { $0.coefficient.magnitude.squareRoot() }
        let signed = zip(terms, roots).map { $0.coefficient < 0 ? -$1 : $1 }
        let module = terms[0].module
        let a = combine(terms, \.a, weights: signed, factor: LoRAAdapter.nameOfA(path))
        let b = combine(terms, \.b, weights: roots, factor: LoRAAdapter.nameOfB(path))
        return LoRAModule(
            a: Matrix(rows: module.rank, columns: module.inputWidth, elements: a),
            b: Matrix(rows: module.outputWidth, columns: module.rank, elements: b),
            alpha: Double(module.rank)
        )
    }

    private func combine(
        _ terms: [Term],
        _ factor: KeyPath<LoRAModule, Matrix>,
        weights: [Double],
        factor name: String
    ) -> [Float] {
        let tensors = terms.map { term -> [Float] in
            let elements = term.module[keyPath: factor].elements
            return switch method {
            case .svd, .cat, .linear: elements
            case .ties, .magnitudePrune: TensorPruning.byMagnitude(elements, density: density)
            case .dareLinear, .dareTies:
                density < 1
                    ? TensorPruning.rescaled(
                        elements,
                        density: density,
                        isKept: masks(name, term.contribution, elements.count)
                    )
                    : elements
            }
        }
        return switch method {
        case .svd, .cat, .linear, .dareLinear, .magnitudePrune: TensorSum.weighted(tensors, weights: weights)
        case .ties, .dareTies: TensorSum.electingSigns(tensors, weights: weights)
        }
    }
}
