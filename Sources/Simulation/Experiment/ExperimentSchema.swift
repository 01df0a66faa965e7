import Adapters
import FederatedLearning

/// The schema of an experiment file: every key of a job, and those of the simulated world.
package enum ExperimentSchema {
    /// The schema as a JSON text.
    package static var text: String {
        let own: [(key: String, schema: ValueSchema)] = ExperimentKey.allCases.map { key in
            (key.rawValue, key.schema.described("For example: \(key.rawValue): \(key.example)"))
        }
        let required = JobSchema.required + ExperimentKey.allCases.filter(\.isRequired).map(\.rawValue)
        return ValueSchema.section(JobSchema.properties + own, required: required)
            .with("allOf", JobSchema.conditions)
            .document(title: "A Tributary experiment")
    }
}

extension ExperimentKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .clients: .integer(1...10_000_000)
        case .data: DataKey.section
        case .partition: PartitionKey.section
        case .ranks: RankKey.section
        case .devices: .list(of: DeviceKey.section, count: 1...256)
        case .availability: AvailabilityKey.section
        case .output: .text(atMost: 4096)
        case .seeds: .list(of: .seed, count: 1...1000)
        case .checkpoint: CheckpointKey.section
        }
    }

    var isRequired: Bool { self == .data }
}

extension DataKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .file: .text(atMost: 4096)
        case .files: .texts(count: 1...10_000)
        }
    }

    var isRequired: Bool { false }
}

extension PartitionKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .method: .choice(PartitionSettings.Method.self)
        case .alpha: .number(from: 1e-6, to: 1e6)
        case .minimum, .heldOut: .integer(0...1_000_000)
        case .balance: .flag
        case .classesPerClient, .shardsPerClient: .integer(1...10_000)
        case .field: .text(atMost: 256)
        case .examples: .integer(1...1_000_000)
        case .seed: .seed
        }
    }

    var isRequired: Bool { self == .method }
}

extension RankKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .distribution: .choice(RankSettings.Distribution.self)
        case .rank: .integer(1...4096)
        case .ranks: .list(of: .integer(1...4096), count: 1...4096)
        case .shares: .list(of: .number(from: 0), count: 1...4096, isUnique: false)
        }
    }

    var isRequired: Bool { self == .distribution }
}

extension DeviceKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .name: .text(atMost: 64)
        case .share: .number(above: 0, to: 1e9)
        case .tokensPerSecond, .uploadMegabits, .downloadMegabits: .number(from: 1e-6, to: 1e9)
        case .latency: .number(from: 0, to: 3600)
        case .maximumRank: .integer(1...4096)
        }
    }

    var isRequired: Bool { self == .name }
}

extension AvailabilityKey: DescribedKey {
    var schema: ValueSchema {
        switch self {
        case .kind: .choice(Availability.Kind.self)
        case .period: .duration
        case .share: .number(above: 0, to: 1)
        case .spread, .dropout: .number(from: 0, to: 1)
        }
    }

    var isRequired: Bool { self == .kind }
}

extension CheckpointKey: DescribedKey {
    var schema: ValueSchema { .integer(1...100_000) }

    var isRequired: Bool { false }
}
