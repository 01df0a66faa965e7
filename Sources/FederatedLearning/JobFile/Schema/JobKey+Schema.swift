package import Adapters

extension JobKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .name: .text(atMost: 128)
        case .model: .text(atMost: 4096)
        case .task: .choice(JobConfiguration.Task.self)
        case .labels: .texts(count: 2...10_000)
        case .adapter: AdapterKey.sectionByStart
        case .strategy: StrategyKey.section
        case .robust: RobustKey.section
        case .serverOptimizer: ServerOptimizerKey.section
        case .rounds: .integer(1...100_000)
        case .cohort: CohortKey.section
        case .asynchronous: AsynchronousKey.section
        case .training: TrainingKey.section
        case .evaluation: EvaluationKey.section
        case .privacy: PrivacyKey.sectionByMechanism
        case .seed: .seed
        }
    }

    var isRequired: Bool {
        switch self {
        case .name, .model, .task, .adapter, .strategy, .rounds, .cohort: true
        case .labels, .robust, .serverOptimizer, .asynchronous, .training, .evaluation, .privacy, .seed: false
        }
    }
}

/// The schema of a job file.
package enum JobSchema {
    /// Every key of a job, with its value's schema.
    package static var properties: [(key: String, schema: ValueSchema)] {
        JobKey.allCases.map { key in
            (key.rawValue, key.schema.described("For example: \(key.rawValue): \(key.example)"))
        }
    }

    package static var required: [String] { JobKey.allCases.filter(\.isRequired).map(\.rawValue) }

    /// Labels belong to a classification, and to nothing else.
    package static var conditions: JSONValue {
        .array([
            .condition(
                if: ["properties": .members(["task": .members(["const": .string("sequence-classification")])])],
                then: ["required": .array([.string("labels")])]
            ),
            .condition(
                if: ["properties": .members(["task": .members(["const": .string("causal-lm")])])],
                then: ["properties": .members(["labels": .bool(false)])]
            ),
        ])
    }

    /// The schema as a JSON text.
    package static var text: String {
        ValueSchema.section(properties, required: required).with("allOf", conditions).document(title: "A Tributary job")
    }
}

extension AdapterKey {
    /// Either a directory to start from and nothing else, or what LoRA needs.
    static var sectionByStart: ValueSchema {
        let needed = [AdapterKey.rank, .alpha, .targetModules].map { JSONValue.string($0.rawValue) }
        let condition = JSONValue.members([
            "if": .members(["required": .array([.string(AdapterKey.start.rawValue)])]),
            "then": .members(["maxProperties": .number(1)]), "else": .members(["required": .array(needed)]),
        ])
        return section.with("allOf", .array([condition]))
    }
}

extension PrivacyKey {
    /// With a mechanism come its bound, its noise and δ; without one comes nothing else.
    static var sectionByMechanism: ValueSchema {
        let isNone: [String: JSONValue] = ["properties": .members(["mechanism": .members(["const": .string("none")])])]
        let needed = [PrivacyKey.clippingNorm, .noiseMultiplier, .delta].map { JSONValue.string($0.rawValue) }
        let condition = JSONValue.members([
            "if": .members(isNone), "then": .members(["maxProperties": .number(1)]),
            "else": .members(["required": .array(needed)]),
        ])
        return section.with("allOf", .array([condition]))
    }
}

extension JSONValue {
    /// An object of a few members, in the order of their names.
    fileprivate static func members(_ members: [String: JSONValue]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members.sorted(by: { $0.key < $1.key }) { object[name] = value }
        return .object(object)
    }

    fileprivate static func condition(if condition: [String: JSONValue], then: [String: JSONValue]) -> JSONValue {
        .members(["if": .members(condition), "then": .members(then)])
    }
}
