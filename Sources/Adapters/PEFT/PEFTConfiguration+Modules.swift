extension PEFTConfiguration {
    /// What the configuration says of single layers, with its patterns read once.
    struct Resolver {
        private let configuration: PEFTConfiguration
        private let ranks: [(pattern: ModulePattern, text: String, value: Int)]
        private let alphas: [(pattern: ModulePattern, text: String, value: Double)]

        /// - Throws: ``AdapterError/invalidPattern(_:key:)``.
        init(_ configuration: PEFTConfiguration) throws(AdapterError) {
            self.configuration = configuration
            var ranks: [(pattern: ModulePattern, text: String, value: Int)] = []
            for exception in configuration.rankExceptions {
                let pattern = try ModulePattern(exception.pattern, of: "rank_pattern")
                ranks.append((pattern, exception.pattern, exception.value))
            }
            var alphas: [(pattern: ModulePattern, text: String, value: Double)] = []
            for exception in configuration.alphaExceptions {
                let pattern = try ModulePattern(exception.pattern, of: "alpha_pattern")
                alphas.append((pattern, exception.pattern, exception.value))
            }
            self.ranks = ranks
            self.alphas = alphas
        }

        /// r of the layer at `path`.
        func rank(of path: String) -> Int {
            ranks.first { $0.text == path || $0.pattern.matches(path) }?.value ?? configuration.rank
        }

        /// α of the layer at `path`.
        func alpha(of path: String) -> Double {
            alphas.first { $0.text == path || $0.pattern.matches(path) }?.value ?? configuration.alpha
        }
    }

    /// Makes the configuration say of every layer what the adapter's layers are.
    ///
    /// Nothing changes when it already does. Otherwise the most frequent rank and α become the rule, and layers that
    /// differ become exceptions by their whole paths.
    ///
    /// - Throws: ``AdapterError/mixedScaling(path:)`` when some layers use rsLoRA and others do not;
    ///   ``AdapterError/unsupported(feature:path:advice:)`` when no pattern says what the layers are.
    package mutating func describe(_ adapter: LoRAAdapter, path: String) throws(AdapterError) {
        let usesRankStabilized = Set(adapter.modules.values.map(\.usesRankStabilizedScaling))
        guard usesRankStabilized.count <= 1 else { throw .mixedScaling(path: path) }
        usesRankStabilizedScaling = usesRankStabilized.first ?? usesRankStabilizedScaling
        guard try !describes(adapter) else { return }

        rank = Self.mostFrequent(adapter.modules.values.map(\.rank)) ?? rank
        alpha = Self.mostFrequent(adapter.modules.values.map(\.alpha)) ?? alpha
        let (rank, alpha) = (rank, alpha)
        for makePattern in [{ $0 }, Self.anchored] as [(String) -> String] {
            rankExceptions = adapter.modules.filter { $0.value.rank != rank }
                .map { .init(pattern: makePattern($0.key), value: $0.value.rank) }
            alphaExceptions = adapter.modules.filter { $0.value.alpha != alpha }
                .map { .init(pattern: makePattern($0.key), value: $0.value.alpha) }
            // A path may also be the end of a longer one, whose rank differs, or no expression at all; then it is anchored.
            if (try? describes(adapter)) == true { return }
        }
        throw .unsupported(
            feature: "a rank or an alpha that no pattern describes",
            path: path,
            advice: "Use finite alphas, and names of layers that fit on one line."
        )
    }

    /// Whether a reader of the written file would find every layer's rank and α.
    private func describes(_ adapter: LoRAAdapter) throws(AdapterError) -> Bool {
        var written = self
        written.rankExceptions = Self.sorted(rankExceptions)
        written.alphaExceptions = Self.sorted(alphaExceptions)
        let resolver = try Resolver(written)
        return adapter.modules.allSatisfy { path, module in
            resolver.rank(of: path) == module.rank && resolver.alpha(of: path) == module.alpha
        }
    }

    /// Returns an expression that matches `path` and nothing else.
    private static func anchored(_ path: String) -> String {
        "^" + path.map { special.contains($0) ? "\\\($0)" : String($0) }.joined()
    }

    /// The characters that have a meaning in expressions.
    private static let special: Set<Character> = Set(#"\.^$*+?{}[]|()"#)

    /// Returns the value that occurs most often; of equals the largest.
    private static func mostFrequent<Value: Comparable & Hashable>(_ values: [Value]) -> Value? {
        Dictionary(values.map { ($0, 1) }, uniquingKeysWith: +)
            .max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    }
}
