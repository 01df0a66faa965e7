internal import Aggregation
internal import LinearAlgebra

/// The sections that say how updates are combined.
extension JobFile {
    static func strategy(of job: JobFileSection<JobKey>) throws(JobFileError) -> StrategySettings {
        let section = try job.required(.strategy, section(.strategy, of: job, keys: StrategyKey.self))
        let name = try section.required(.name, section.text(.name, atMost: 64))
        let modes: [AggregationMode]
        do {
            modes = try StrategyRegistry.modes(of: name)
        } catch {
            throw unknown(name, at: section.place(.name), among: StrategyRegistry.names)
        }
        let mode = try section.choice(.mode, of: AggregationMode.self)
        if let mode, modes.isEmpty {
            throw .contradiction(
                section.place(.mode),
                problem: "is '\(mode.rawValue)', and `name: \(name)` has no modes",
                remedy: "Remove it."
            )
        }
        return StrategySettings(
            name: name,
            // Averaging what changed keeps what nobody trained: the default wherever a strategy offers it.
            mode: mode ?? modes.first,
            lambda: try number(.lambda, of: section),
            gamma: try number(.gamma, of: section),
            minimumRank: try section.integer(.minimumRank, in: 1...4096),
            route: try section.choice(.route, of: FactoredSum.Route.self)
        )
    }

    static func robust(of job: JobFileSection<JobKey>) throws(JobFileError) -> RobustSettings {
        guard let section = try section(.robust, of: job, keys: RobustKey.self) else { return RobustSettings() }
        let rule = try section.required(.rule, section.text(.rule, atMost: 64))
        guard RobustRegistry.names.contains(rule) else {
            throw unknown(rule, at: section.place(.rule), among: RobustRegistry.names)
        }
        return RobustSettings(
            rule: rule,
            byzantine: try section.integer(.byzantine, in: 0...100_000),
            trim: try number(.trim, of: section),
            norm: try number(.norm, of: section),
            iterations: try section.integer(.iterations, in: 1...1000)
        )
    }

    static func serverOptimizer(of job: JobFileSection<JobKey>) throws(JobFileError) -> ServerOptimizerSettings {
        guard let section = try section(.serverOptimizer, of: job, keys: ServerOptimizerKey.self) else {
            return ServerOptimizerSettings()
        }
        let name = try section.required(.name, section.text(.name, atMost: 64))
        guard ServerOptimizerRegistry.names.contains(name) else {
            throw unknown(name, at: section.place(.name), among: ServerOptimizerRegistry.names)
        }
        return ServerOptimizerSettings(
            name: name,
            learningRate: try number(.learningRate, of: section),
            momentum: try number(.momentum, of: section),
            beta1: try number(.beta1, of: section),
            beta2: try number(.beta2, of: section),
            tau: try number(.tau, of: section)
        )
    }

    static func asynchronous(of job: JobFileSection<JobKey>) throws(JobFileError) -> JobConfiguration.Asynchronous? {
        guard let section = try section(.asynchronous, of: job, keys: AsynchronousKey.self) else { return nil }
        let standard = JobConfiguration.Asynchronous()
        return .init(
            buffer: try section.integer(.buffer, in: 1...100_000) ?? standard.buffer,
            maximumStaleness: try section.integer(.maximumStaleness, in: 0...100_000) ?? standard.maximumStaleness,
            stalenessExponent: try section.number(.stalenessExponent, allowed: "a number from 0 to 10") {
                (0...10).contains($0)
            } ?? standard.stalenessExponent,
            normalization: try section.choice(.normalization, of: BufferedAggregation.Normalization.self)
                ?? standard.normalization,
            learningRate: try section.number(.learningRate, allowed: "a number above 0 and at most 100") {
                $0 > 0 && $0 <= 100
            } ?? standard.learningRate
        )
    }

    /// Refuses what does not go together, by the key that has to change.
    static func checkPlan(
        of configuration: JobConfiguration,
        in job: JobFileSection<JobKey>
    ) throws(JobFileError) {
        do {
            _ = try configuration.aggregationPlan()
            try configuration.checkStart()
            try configuration.checkControlVariates()
            try configuration.checkPrivacy()
        } catch .unsuitableSetting(let key, let problem, let remedy) {
            throw .contradiction(try place(of: key, in: job), problem: problem, remedy: remedy)
        } catch {
            throw .contradiction(job.place(.strategy), problem: "cannot be used: \(error.description)", remedy: "")
        }
    }

    /// Where the key with a full path such as `robust.trim` stands, or would stand.
    private static func place(
        of path: String,
        in job: JobFileSection<JobKey>
    ) throws(JobFileError) -> JobFileError.Place {
        let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
        guard let key = parts.first.flatMap(JobKey.init(rawValue:)) else { return .init(path, line: nil) }
        func inner<Key: JobFileKey>(_ keys: Key.Type) throws(JobFileError) -> JobFileError.Place {
            guard parts.count == 2, let inner = Key(rawValue: parts[1]),
                let section = try section(key, of: job, keys: keys)
            else { return job.place(key) }
            return section.place(inner)
        }
        return switch key {
        case .adapter: try inner(AdapterKey.self)
        case .strategy: try inner(StrategyKey.self)
        case .robust: try inner(RobustKey.self)
        case .serverOptimizer: try inner(ServerOptimizerKey.self)
        case .cohort: try inner(CohortKey.self)
        case .training: try inner(TrainingKey.self)
        case .privacy: try inner(PrivacyKey.self)
        default: job.place(key)
        }
    }

    /// Any number; whether it is in range is the registry's to say, which knows what it is for.
    private static func number<Key: JobFileKey>(
        _ key: Key,
        of section: JobFileSection<Key>
    ) throws(JobFileError) -> Double? {
        try section.number(key, allowed: "a finite number") { $0.isFinite }
    }

    private static func unknown(
        _ name: String,
        at place: JobFileError.Place,
        among known: [String]
    ) -> JobFileError {
        .unknownValue(place, found: name, nearest: NearestName.of(name, among: known), known: known)
    }
}
