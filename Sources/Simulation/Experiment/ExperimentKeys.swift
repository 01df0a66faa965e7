import FederatedLearning

/// The keys that an experiment has beside a job's.
enum ExperimentKey: String, JobFileKey {
    case clients, data, partition, ranks, devices, availability, output, seeds, checkpoint

    var example: String {
        switch self {
        case .clients: "40"
        case .data: "{file: texts.jsonl}"
        case .partition: "{by: dirichlet, alpha: 0.5}"
        case .ranks: "{distribution: heavy-tail-light}"
        case .devices: "[{name: phone, share: 0.8, tokens_per_second: 500, upload_mbit: 10}]"
        case .availability: "{kind: diurnal, share: 0.5}"
        case .output: "results"
        case .seeds: "[1, 2, 3]"
        case .checkpoint: "{every: 1}"
        }
    }
}

/// The keys of `data`.
enum DataKey: String, JobFileKey {
    case file, files

    var example: String {
        switch self {
        case .file: "texts.jsonl"
        case .files: "[north.jsonl, south.jsonl]"
        }
    }
}

/// The keys of `partition`.
enum PartitionKey: String, JobFileKey {
    case method = "by"
    case alpha, minimum, balance
    case classesPerClient = "classes_per_client"
    case shardsPerClient = "shards_per_client"
    case field, examples
    case heldOut = "held_out"
    case seed

    var example: String {
        switch self {
        case .method: "dirichlet"
        case .alpha: "0.5"
        case .minimum: "10"
        case .balance: "true"
        case .classesPerClient, .shardsPerClient: "2"
        case .field: "silo"
        case .examples: "50"
        case .heldOut: "10"
        case .seed: "1"
        }
    }

    /// The methods that the key means something to; `nil` for all.
    var methods: Set<PartitionSettings.Method>? {
        switch self {
        case .method, .seed: nil
        case .alpha: [.dirichlet, .mixture, .quantity, .draw]
        case .minimum: [.iid, .dirichlet, .mixture, .shards, .classes, .quantity, .field, .domain]
        case .balance: [.dirichlet]
        case .classesPerClient: [.classes]
        case .shardsPerClient: [.shards]
        case .field: [.field, .domain]
        case .examples, .heldOut: [.draw]
        }
    }
}

/// The keys of `ranks`.
enum RankKey: String, JobFileKey {
    case distribution
    case rank = "r"
    case ranks, shares

    var example: String {
        switch self {
        case .distribution: "heavy-tail-light"
        case .rank: "8"
        case .ranks: "[8, 30, 200]"
        case .shares: "[0.8, 0.1, 0.1]"
        }
    }
}

/// The keys of one of the `devices`.
enum DeviceKey: String, JobFileKey {
    case name, share
    case tokensPerSecond = "tokens_per_second"
    case uploadMegabits = "upload_mbit"
    case downloadMegabits = "download_mbit"
    case latency
    case maximumRank = "maximum_rank"

    var example: String {
        switch self {
        case .name: "phone"
        case .share: "0.8"
        case .tokensPerSecond: "500"
        case .uploadMegabits: "10"
        case .downloadMegabits: "50"
        case .latency: "0.05"
        case .maximumRank: "8"
        }
    }
}

/// The keys of `availability`.
enum AvailabilityKey: String, JobFileKey {
    case kind, period, share, spread, dropout

    var example: String {
        switch self {
        case .kind: "diurnal"
        case .period: "1d"
        case .share: "0.5"
        case .spread: "1.0"
        case .dropout: "0.05"
        }
    }
}

/// The keys of `checkpoint`.
enum CheckpointKey: String, JobFileKey {
    case every

    var example: String { "1" }
}
