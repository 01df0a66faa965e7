import Adapters
import LinearAlgebra

extension OfflineAggregation {
    /// What the result will look like, from the shapes of the contributions.
    struct Outline {
        /// An adapter that changes nothing, of the result's layers, ranks and scales.
        let blank: LoRAAdapter
        /// The largest rank of any layer of any contribution.
        let largestRank: Int
        /// The tensors that nobody trains, which are the same in all contributions, by their names.
        let frozen: [String: DenseTensor]
        /// The round whose frozen factors are the same in all contributions; the first where there is none.
        let round: RoundContext
        /// That of the contribution of the largest rank.
        private let configuration: PEFTConfiguration
        private let embeddingModules: Set<String>
        /// s by layer where factors have biases, which only add up at one scale.
        private let scalingsOfBiases: [String: Double]

        /// Reads every contribution once and keeps its shape.
        ///
        /// - Throws: `AdapterError` for a contribution that cannot be combined with any other, and what reading throws.
        init(
            of contributions: [Contribution],
            strategy: any AggregationStrategy,
            minimumRank: Int,
            alpha: Double?
        ) throws {
            var first: LoRAAdapter?
            var shared: (a: Bool, b: Bool) = (true, true)
            var likeness: LoRAAdapter?
            var largestRank = 0
            var configuration: PEFTConfiguration?
            var baseModels: Set<String?> = []
            var embeddingModules: Set<String> = []
            var scalings: [String: Double] = [:]
            var frozen: [String: DenseTensor] = [:]
            for contribution in contributions {
                let directory = try contribution.read()
                let name = contribution.client.rawValue
                let kind = directory.configuration.kind
                try strategy.profile.check(kind, of: contribution.client)
                if let configuration {
                    try Self.check(directory, of: contribution.client, like: configuration, frozen: frozen)
                } else {
                    configuration = directory.configuration
                    embeddingModules = directory.embeddingModules
                    frozen = directory.frozenTensors
                }
                try Self.check(directory, called: name, embeddingModules: embeddingModules)
                if directory.configuration.usesFactorBias {
                    try Self.note(directory.adapter, called: name, in: &scalings)
                }
                baseModels.insert(directory.configuration.baseModel)
                if let first {
                    shared.a = shared.a && first.modules.allSatisfy { directory.adapter.modules[$0]?.a == $1.a }
                    shared.b = shared.b && first.modules.allSatisfy { directory.adapter.modules[$0]?.b == $1.b }
                } else {
                    first = directory.adapter
                }
                likeness = Self.larger(likeness, directory.adapter)
                if directory.adapter.maximumRank > largestRank {
                    largestRank = directory.adapter.maximumRank
                    configuration = directory.configuration
                }
            }
            guard let first, let likeness, var configuration else { throw AggregationError.nothingToAggregate }
            // A path of one silo's machine says nothing about a result of several.
            configuration.baseModel = baseModels.count == 1 ? configuration.baseModel : nil
            let (sharesA, sharesB) = shared
            let number = (1...2).first { number in
                let trained = strategy.trainedFactors(inRound: number)
                return (trained.includesA || sharesA) && (trained.includesB || sharesB)
            }
            self.round = RoundContext(number: number ?? 1)
            let blank = try LoRAAdapter(
                blankFor: [ClientUpdate(client: ClientID(""), weight: 1, adapter: likeness)],
                minimumRank: minimumRank,
                alpha: alpha
            )
            self.blank = blank.keeping(strategy.trainedFactors(inRound: round.number), frozenAsIn: first)
            self.frozen = frozen
            self.largestRank = largestRank
            self.configuration = configuration
            self.embeddingModules = embeddingModules
            self.scalingsOfBiases = scalings
        }

        /// Checks that the contributions can have been trained from an adapter.
        func check(global: PEFTDirectory) throws {
            let name = "the global adapter"
            try Self.check(global, called: name, embeddingModules: embeddingModules)
            try Self.check(global, of: ClientID(name), like: configuration, frozen: frozen)
            let expected = Set(blank.modules.keys).union(blank.savedTensors.keys)
            let found = Set(global.adapter.modules.keys).union(global.adapter.savedTensors.keys)
            guard expected == found else {
                throw AdapterError.unexpectedTensors(
                    missing: expected.subtracting(found).sorted(),
                    unknown: found.subtracting(expected).sorted(),
                    source: name
                )
            }
        }

        /// Returns the directory of a result.
        func directory(of adapter: LoRAAdapter) throws(AdapterError) -> PEFTDirectory {
            for (path, scaling) in scalingsOfBiases where adapter.modules[path]?.scaling != scaling {
                throw Self.differentlyScaledBiases(in: "the result")
            }
            // Everything is stored as F32: an average has more digits than its terms.
            return PEFTDirectory(configuration: configuration, adapter: adapter, embeddingModules: embeddingModules)
        }

        // MARK: - Checks

        /// Checks that the tensors of a contribution of another kind than LoRA mean what those of the first one do.
        private static func check(
            _ directory: PEFTDirectory,
            of client: ClientID,
            like first: PEFTConfiguration,
            frozen: [String: DenseTensor]
        ) throws(AggregationError) {
            let own = directory.configuration
            guard own.kind != .lora || first.kind != .lora else { return }
            if let key = own.differingKey(from: first) { throw .differentMeaning(client: client, of: key) }
            let tensors = directory.frozenTensors
            for name in Set(tensors.keys).union(frozen.keys).sorted() where tensors[name] != frozen[name] {
                throw .differentMeaning(client: client, of: name)
            }
        }

        private static func check(
            _ directory: PEFTDirectory,
            called name: String,
            embeddingModules: Set<String>
        ) throws(AdapterError) {
            if let initialization = directory.configuration.initialization, directory.configuration.changesBaseModel {
                throw .unsupported(
                    feature: "`init_lora_weights` '\(initialization)' (it changes the base model)",
                    path: name,
                    advice: "Save it with `path_initial_model_for_weight_conversion` as a plain LoRA adapter."
                )
            }
            guard directory.embeddingModules == embeddingModules else {
                throw .unsupported(
                    feature: "other embedding layers than the rest",
                    path: name,
                    advice: "Use the same `target_modules` everywhere."
                )
            }
        }

        /// Keeps the scales of a contribution's layers, which have to be the same in all.
        private static func note(
            _ adapter: LoRAAdapter,
            called name: String,
            in scalings: inout [String: Double]
        ) throws(AdapterError) {
            for (path, module) in adapter.modules {
                guard scalings.updateValue(module.scaling, forKey: path) ?? module.scaling == module.scaling else {
                    throw differentlyScaledBiases(in: name)
                }
            }
        }

        private static func differentlyScaledBiases(in name: String) -> AdapterError {
            .unsupported(
                feature: "`lora_bias` at another scale than the rest",
                path: name,
                advice: "Biases of factors only add up at one scale: use one rank and one alpha, or no `lora_bias`."
            )
        }

        /// Returns `adapter` with the values of `other` in every layer where that has the larger rank.
        private static func larger(_ adapter: LoRAAdapter?, _ other: LoRAAdapter) -> LoRAAdapter {
            guard var adapter else { return other }
            for (path, module) in other.modules {
                guard let known = adapter.modules[path], module.rank > known.rank else { continue }
                adapter.modules[path] = module
            }
            return adapter
        }
    }
}

extension PEFTDirectory {
    /// The tensors that came with the adapter and are never trained, by their names.
    fileprivate var frozenTensors: [String: DenseTensor] {
        adapter.savedTensors.filter { configuration.kind.isFrozen($0.key) }
    }
}

extension LoRAAdapter {
    /// Returns the adapter with the frozen factors of `first`, where they have its ranks.
    fileprivate func keeping(_ trained: TrainedFactors, frozenAsIn first: LoRAAdapter) -> LoRAAdapter {
        var adapter = self
        for (path, module) in first.modules where modules[path]?.rank == module.rank {
            if !trained.includesA { adapter.modules[path]?.a = module.a }
            if !trained.includesB { adapter.modules[path]?.b = module.b }
        }
        return adapter
    }

    /// Returns the adapter at the scales of `other` and at no smaller ranks, changing the base model as before.
    ///
    /// Where a layer gains rank, the new rows of A are those of `other` and the new columns of B are zero.
    func reshaped(toFit other: LoRAAdapter) -> LoRAAdapter {
        LoRAAdapter(
            modules: Dictionary(
                uniqueKeysWithValues: modules.map { path, module in
                    (path, other.modules[path].map { module.reshaped(toFit: $0) } ?? module)
                }
            ),
            savedTensors: savedTensors
        )
    }
}

extension LoRAModule {
    /// Returns the module at the scale of `other` and at no smaller rank, with the same product.
    fileprivate func reshaped(toFit other: LoRAModule) -> LoRAModule {
        // A module of another width is left as it is: the strategy names the update that does not fit it.
        guard other.inputWidth == inputWidth else { return self }
        let rank = max(self.rank, other.rank)
        var a = a.elements
        a.append(contentsOf: other.a.elements.dropFirst(min(self.rank, other.rank) * inputWidth))
        var b = Matrix(rows: outputWidth, columns: rank)
        var module = LoRAModule(
            a: Matrix(rows: rank, columns: inputWidth, elements: a),
            b: b,
            alpha: other.alpha,
            usesRankStabilizedScaling: other.usesRankStabilizedScaling
        )
        let ratio = scaling / module.scaling
        for row in 0..<outputWidth {
            for column in 0..<self.rank {
                b[row, column] = ratio == 1 ? self.b[row, column] : Float(Double(self.b[row, column]) * ratio)
            }
        }
        module.b = b
        return module
    }
}
