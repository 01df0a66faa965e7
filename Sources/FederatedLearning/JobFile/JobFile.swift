internal import Adapters
internal import Aggregation
package import Foundation
internal import Yams

/// Reads the YAML file that describes a job.
///
/// The reader is strict: a key that no job has, a value of another type or out of its range, a key given twice and a
/// second document are errors that name the key and its line and say what to write. Texts are taken as they stand, so
/// that a label `no` stays a text.
package enum JobFile {
    /// The largest file that is read.
    ///
    /// A job with thousands of labels stays far below.
    package static let byteLimit = 256 * 1024

    /// Reads the job file at `url`.
    package static func read(at url: URL) throws(JobFileError) -> JobConfiguration {
        try parse(bytes(at: url))
    }

    /// Returns the bytes of the file at `url`, unless they are too many for a job.
    private static func bytes(at url: URL) throws(JobFileError) -> Data {
        let bytes: Data
        do {
            let file = try FileHandle(forReadingFrom: url)
            defer { try? file.close() }
            // One byte beyond the limit tells a file that is too large from one that just fits.
            bytes = try file.read(upToCount: byteLimit + 1) ?? Data()
        } catch {
            throw .cannotRead(path: url.path, reason: error.localizedDescription)
        }
        return bytes
    }

    /// Reads the text of the file at `url`, which holds a job.
    package static func text(at url: URL) throws(JobFileError) -> String {
        try text(of: bytes(at: url))
    }

    /// Reads the bytes of a job file.
    package static func parse(_ bytes: some Collection<UInt8>) throws(JobFileError) -> JobConfiguration {
        try parse(text(of: bytes))
    }

    private static func text(of bytes: some Collection<UInt8>) throws(JobFileError) -> String {
        guard bytes.count <= byteLimit else { throw .tooLarge(bytes: bytes.count, limit: byteLimit) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
        return text
    }

    /// Reads the text of a job file.
    package static func parse(_ text: String) throws(JobFileError) -> JobConfiguration {
        guard text.utf8.count <= byteLimit else { throw .tooLarge(bytes: text.utf8.count, limit: byteLimit) }
        return try configuration(of: compose(text))
    }

    // MARK: - YAML

    /// What the name of an alias may begin with.
    private static let aliasBytes = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-".utf8)

    /// Returns the only document of `text`, free of anchors and aliases.
    static func compose(_ text: String) throws(JobFileError) -> Node {
        // The composer hashes keys, aliases included: a handful of nested aliases could keep it busy for hours. A job
        // needs none, so more stars in front of words than a comment would hold are refused before it starts.
        let aliases = zip(text.utf8, text.utf8.dropFirst()).count { $0 == UInt8(ascii: "*") && aliasBytes.contains($1) }
        guard aliases <= 16 else { throw .aliases(line: nil) }
        do {
            let parser = try Parser(yaml: text, encoding: .utf8)
            guard let root = try parser.singleRoot() else { throw JobFileError.empty }
            // Nodes hold their anchors weakly, and the parser holds them for good.
            return try withExtendedLifetime(parser) {
                if let line = anchorLine(in: root) { throw JobFileError.aliases(line: line) }
                return root
            }
        } catch let error as JobFileError {
            throw error
        } catch let error as YamlError {
            throw translate(error)
        } catch {
            throw .notYAML(line: nil, problem: "\(error)")
        }
    }

    /// The line of an anchored node, or `nil` when the tree has none.
    private static func anchorLine(in node: Node) -> Int? {
        if node.anchor != nil { return node.mark?.line ?? 1 }
        switch node {
        case .scalar: return nil
        case .alias: return node.mark?.line ?? 1
        case .sequence(let elements): return elements.lazy.compactMap(anchorLine).first
        case .mapping(let pairs): return pairs.lazy.compactMap { anchorLine(in: $0) ?? anchorLine(in: $1) }.first
        }
    }

    private static func translate(_ error: YamlError) -> JobFileError {
        switch error {
        case .composer(let context?, _, let mark, _) where context.text.contains("single document"):
            .severalDocuments(line: mark.line)
        case .composer(_, let problem, let mark, _) where problem.contains("alias"):
            .aliases(line: mark.line)
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            .notYAML(line: mark.line, problem: problem)
        case .duplicatedKeysInMapping(let names, let context):
            .duplicateKey(.init(names.first ?? "?", line: context.mark.line))
        case .reader(let problem, _, _, _):
            .notYAML(line: nil, problem: problem)
        default:
            .notYAML(line: nil, problem: "\(error)")
        }
    }

    // MARK: - Sections

    /// The full paths of all keys.
    static let paths: [String] =
        JobKey.allCases.map(\.rawValue)
        + paths(of: AdapterKey.self, under: .adapter) + paths(of: StrategyKey.self, under: .strategy)
        + paths(of: CohortKey.self, under: .cohort)
        + paths(of: TrainingKey.self, under: .training) + paths(of: EvaluationKey.self, under: .evaluation)
        + paths(of: PrivacyKey.self, under: .privacy)
        // The last: of two sections with a `learning_rate`, the other is meant more often.
        + paths(of: RobustKey.self, under: .robust) + paths(of: ServerOptimizerKey.self, under: .serverOptimizer)
        + paths(of: AsynchronousKey.self, under: .asynchronous)

    private static func paths<Key: JobFileKey>(of keys: Key.Type, under section: JobKey) -> [String] {
        Key.allCases.map { "\(section.rawValue).\($0.rawValue)" }
    }

    static func configuration(of root: Node) throws(JobFileError) -> JobConfiguration {
        if let text = root.scalar?.string, text.isEmpty { throw .empty }
        let job = try JobFileSection<JobKey>(root, at: .init(""), elsewhere: paths)
        let task = try job.required(.task, job.choice(.task, of: JobConfiguration.Task.self))
        let configuration = JobConfiguration(
            name: try job.required(.name, job.text(.name, atMost: 128)),
            model: try job.required(.model, job.text(.model, atMost: 4096)),
            task: task,
            labels: try labels(of: job, for: task),
            adapter: try adapter(of: job, for: task),
            strategy: try strategy(of: job),
            robust: try robust(of: job),
            serverOptimizer: try serverOptimizer(of: job),
            rounds: try job.required(.rounds, job.integer(.rounds, in: 1...100_000)),
            cohort: try cohort(of: job),
            asynchronous: try asynchronous(of: job),
            training: try training(of: job),
            evaluation: try evaluation(of: job),
            privacy: try privacy(of: job),
            seed: try job.integer(.seed, in: 0...UInt64.max) ?? 1
        )
        try checkPlan(of: configuration, in: job)
        return configuration
    }

    static func section<Key: JobFileKey>(
        _ key: JobKey,
        of job: JobFileSection<JobKey>,
        keys: Key.Type
    ) throws(JobFileError) -> JobFileSection<Key>? {
        guard let node = try job.node(key) else { return nil }
        return try JobFileSection(node, at: job.place(key), elsewhere: paths)
    }

    private static func labels(
        of job: JobFileSection<JobKey>,
        for task: JobConfiguration.Task
    ) throws(JobFileError) -> [String] {
        switch task {
        case .sequenceClassification:
            return try job.required(.labels, job.texts(.labels, count: 2...10_000))
        case .causalLanguageModel:
            guard !job.has(.labels) else {
                throw .contradiction(
                    job.place(.labels),
                    problem: "does not go with `task: causal-lm`, which has no classes",
                    remedy: "Remove `labels`, or write `task: sequence-classification`."
                )
            }
            return []
        }
    }

    private static func adapter(
        of job: JobFileSection<JobKey>,
        for task: JobConfiguration.Task
    ) throws(JobFileError) -> JobConfiguration.Adapter {
        let section = try job.required(.adapter, section(.adapter, of: job, keys: AdapterKey.self))
        if let start = try section.text(.start, atMost: 4096) { return try adapter(from: start, of: section) }
        // A classification's head is new to the base model, so it is trained and shared unless the job says otherwise.
        let heads = task == .sequenceClassification ? ["classifier"] : []
        return .init(
            rank: try section.required(.rank, section.integer(.rank, in: 1...4096)),
            alpha: try section.required(
                .alpha,
                section.number(.alpha, allowed: "a number above 0 and at most 1000000") { $0 > 0 && $0 <= 1e6 }
            ),
            targetModules: try section.required(.targetModules, section.texts(.targetModules, count: 1...1024)),
            dropout: try section.number(.dropout, allowed: "a number from 0 to below 1") { (0..<1).contains($0) } ?? 0,
            usesRankStabilizedScaling: try section.flag(.usesRankStabilizedScaling) ?? false,
            modulesToSave: try section.texts(.modulesToSave, count: 0...64) ?? heads,
            initialization: try section.choice(.initialization, of: AdapterInitialization.self) ?? .kaiming
        )
    }

    /// An adapter of another kind, of which its own configuration says everything.
    private static func adapter(
        from start: String,
        of section: JobFileSection<AdapterKey>
    ) throws(JobFileError) -> JobConfiguration.Adapter {
        if let other = AdapterKey.allCases.first(where: { $0 != .start && section.has($0) }) {
            throw .contradiction(
                section.place(other),
                problem: "has no effect with `adapter.start`, whose adapter_config.json says what is trained",
                remedy: "Remove it."
            )
        }
        return .init(rank: 1, alpha: 1, targetModules: [], start: AdapterStart(path: start))
    }

    private static func cohort(of job: JobFileSection<JobKey>) throws(JobFileError) -> JobConfiguration.Cohort {
        let section = try job.required(.cohort, section(.cohort, of: job, keys: CohortKey.self))
        let size = try section.required(.size, section.integer(.size, in: 1...100_000))
        let minimum = try section.integer(.minimum, in: 1...100_000) ?? size
        guard minimum <= size else {
            throw .contradiction(
                section.place(.minimum),
                problem: "is \(minimum), more than the \(size) clients of `cohort.size`",
                remedy: "Write a minimum from 1 to \(size)."
            )
        }
        return .init(
            size: size,
            minimum: minimum,
            deadline: try section.duration(.deadline, in: .seconds(1)...(.seconds(30 * 86_400))) ?? .seconds(600),
            patience: try section.number(.patience, allowed: "a number from 0 to 100") { (0...100).contains($0) },
            replacementDelay: try section.duration(.replacementDelay, in: .seconds(1)...(.seconds(30 * 86_400))),
            overselect: try section.number(.overselect, allowed: "a number from 1 to 10") { (1...10).contains($0) }
                ?? 1,
            population: try section.integer(.population, in: size...1_000_000_000),
            tags: try tags(of: section)
        )
    }

    private static func tags(of section: JobFileSection<CohortKey>) throws(JobFileError) -> TagSelector {
        guard let rules = try section.texts(.tags, count: 0...32) else { return .everybody }
        if let wrong = rules.first(where: { TagSelector([$0]) == nil }) {
            throw .outOfRange(
                section.place(.tags),
                found: wrong,
                allowed: "rules such as `gpu`, `!trial`, `site=berlin|paris` or `site!=oslo`"
            )
        }
        return TagSelector(rules) ?? .everybody
    }

    private static func evaluation(of job: JobFileSection<JobKey>) throws(JobFileError) -> JobConfiguration.Evaluation {
        guard let section = try section(.evaluation, of: job, keys: EvaluationKey.self) else { return .init() }
        return .init(
            every: try section.integer(.every, in: 1...100_000) ?? 1,
            sample: try section.integer(.sample, in: 1...100_000_000),
            clients: try section.integer(.clients, in: 1...100_000_000)
        )
    }
}
