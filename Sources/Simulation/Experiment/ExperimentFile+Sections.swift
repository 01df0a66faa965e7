import FederatedLearning
import Yams

/// The sections of an experiment file, one function each.
extension ExperimentFile {
    static func clients(
        of section: JobFileSection<ExperimentKey>,
        partition: PartitionSettings,
        job: JobConfiguration
    ) throws(JobFileError) -> Int? {
        let clients = try section.integer(.clients, in: 1...10_000_000)
        // A natural partition has as many clients as its field has values.
        guard let clients = try partition.method == .field ? clients : section.required(.clients, clients) else {
            return nil
        }
        guard job.cohort.minimum <= clients else {
            throw .contradiction(
                section.place(.clients),
                problem: "is \(clients), fewer than the \(job.cohort.minimum) that a round needs",
                remedy: "Lower `cohort.minimum`, or raise `clients`."
            )
        }
        return clients
    }

    static func data(of section: JobFileSection<ExperimentKey>) throws(JobFileError) -> DataSettings {
        let data = try section.required(.data, inner(.data, of: section, keys: DataKey.self))
        let file = try data.text(.file, atMost: 4096)
        let files = try data.texts(.files, count: 1...10_000)
        switch (file, files) {
        case (let file?, nil): return DataSettings(files: [file])
        case (nil, let files?): return DataSettings(files: files)
        case (nil, nil): return DataSettings(files: [try data.required(.file, nil)])
        case (.some, .some):
            throw .contradiction(
                data.place(.file),
                problem: "does not go with `data.files`",
                remedy: "Keep one of them."
            )
        }
    }

    static func partition(of section: JobFileSection<ExperimentKey>) throws(JobFileError) -> PartitionSettings {
        guard let partition = try inner(.partition, of: section, keys: PartitionKey.self) else {
            return PartitionSettings()
        }
        let method = try partition.required(.method, partition.choice(.method, of: PartitionSettings.Method.self))
        for key in PartitionKey.allCases {
            guard let methods = key.methods, !methods.contains(method), partition.has(key) else { continue }
            throw .contradiction(
                partition.place(key),
                problem: "has no effect with `by: \(method.rawValue)`",
                remedy: "Remove it."
            )
        }
        let standard = PartitionSettings(method: method)
        let alpha = try partition.number(.alpha, allowed: "a number from 0.000001 to 1000000") {
            (1e-6...1e6).contains($0)
        }
        let needsAlpha = [.dirichlet, .mixture, .quantity].contains(method)
        return PartitionSettings(
            method: method,
            alpha: needsAlpha ? try partition.required(.alpha, alpha) : alpha,
            minimum: try partition.integer(.minimum, in: 0...1_000_000) ?? standard.minimum,
            balance: try partition.flag(.balance) ?? standard.balance,
            classesPerClient: try partition.integer(.classesPerClient, in: 1...10_000) ?? standard.classesPerClient,
            shardsPerClient: try partition.integer(.shardsPerClient, in: 1...10_000) ?? standard.shardsPerClient,
            field: try partition.text(.field, atMost: 256),
            examples: try partition.integer(.examples, in: 1...1_000_000) ?? standard.examples,
            heldOut: try partition.integer(.heldOut, in: 0...1_000_000) ?? standard.heldOut,
            seed: try partition.integer(.seed, in: 0...UInt64.max)
        )
    }

    static func ranks(
        of section: JobFileSection<ExperimentKey>,
        job: JobConfiguration
    ) throws(JobFileError) -> RankSettings {
        guard let ranks = try inner(.ranks, of: section, keys: RankKey.self) else {
            return RankSettings(distribution: .fixed, ranks: [job.adapter.rank], shares: [1])
        }
        let distribution = try ranks.required(
            .distribution,
            ranks.choice(.distribution, of: RankSettings.Distribution.self)
        )
        func refuse(_ key: RankKey, _ remedy: String) throws(JobFileError) {
            guard ranks.has(key) else { return }
            throw .contradiction(
                ranks.place(key),
                problem: "has no effect with `distribution: \(distribution.rawValue)`",
                remedy: remedy
            )
        }
        switch distribution {
        case .fixed:
            try refuse(.ranks, "Write `r`.")
            try refuse(.shares, "Remove it.")
            let rank = try ranks.integer(.rank, in: 1...4096) ?? job.adapter.rank
            return RankSettings(distribution: .fixed, ranks: [rank], shares: [1])
        case .device:
            for key in [RankKey.rank, .ranks, .shares] { try refuse(key, "Remove it.") }
            return RankSettings(distribution: .device, ranks: [job.adapter.rank], shares: [1])
        case .uniform, .heavyTailLight, .heavyTailStrong, .normal:
            try refuse(.rank, "Write `ranks`.")
            let listed = try numbers(.ranks, of: ranks) { $0 >= 1 && $0 <= 4096 && $0 == $0.rounded() }
            let values = listed?.map { Int($0) } ?? RankSettings.published
            guard values == values.sorted(), Set(values).count == values.count else {
                throw .contradiction(
                    ranks.place(.ranks),
                    problem: "is not in ascending order",
                    remedy: "List each rank once, the smallest first."
                )
            }
            let shares = try numbers(.shares, of: ranks) { $0 >= 0 }
            if let shares, shares.count != values.count || shares.reduce(0, +) <= 0 {
                throw .contradiction(
                    ranks.place(.shares),
                    problem: "has \(shares.count) shares for \(values.count) ranks",
                    remedy: "Write one share a rank, one of them above 0."
                )
            }
            let sum = shares?.reduce(0, +) ?? 1
            return RankSettings(
                distribution: distribution,
                ranks: values,
                shares: shares?.map { $0 / sum }
                    ?? RankSettings.shares(of: distribution, over: values.count, arePublished: listed == nil)
            )
        }
    }

    static func devices(of section: JobFileSection<ExperimentKey>) throws(JobFileError) -> [DeviceClass] {
        guard let node = try section.node(.devices) else { return [] }
        let place = section.place(.devices)
        guard let list = node.sequence, !list.isEmpty, list.count <= 256 else {
            throw .wrongType(
                place,
                expected: "a list of 1 to 256 devices",
                found: "something else",
                example: ExperimentKey.devices.example
            )
        }
        var devices: [DeviceClass] = []
        for (index, node) in list.enumerated() {
            let here = JobFileError.Place("\(place.path)[\(index)]", line: node.mark?.line)
            let device = try device(JobFileSection(node, at: here, elsewhere: paths))
            guard !devices.contains(where: { $0.name == device.name }) else {
                throw .contradiction(here, problem: "is a second '\(device.name)'", remedy: "Give it another name.")
            }
            devices.append(device)
        }
        return devices
    }

    private static func device(_ section: JobFileSection<DeviceKey>) throws(JobFileError) -> DeviceClass {
        // The least keeps what a transfer or a training takes within the times that a duration can tell.
        func speed(_ key: DeviceKey) throws(JobFileError) -> Double? {
            try section.number(key, allowed: "a number from 0.000001 to 1000000000") { (1e-6...1e9).contains($0) }
        }
        let share = try section.number(.share, allowed: "a number above 0 and at most 1000000000") {
            $0 > 0 && $0 <= 1e9
        }
        return DeviceClass(
            name: try section.required(.name, section.text(.name, atMost: 64)),
            share: share ?? 1,
            tokensPerSecond: try speed(.tokensPerSecond),
            uploadMegabits: try speed(.uploadMegabits),
            downloadMegabits: try speed(.downloadMegabits),
            latency: try section.number(.latency, allowed: "seconds from 0 to 3600") { (0...3600).contains($0) } ?? 0,
            maximumRank: try section.integer(.maximumRank, in: 1...4096)
        )
    }

    static func availability(of section: JobFileSection<ExperimentKey>) throws(JobFileError) -> Availability {
        guard let availability = try inner(.availability, of: section, keys: AvailabilityKey.self) else {
            return Availability()
        }
        let kind = try availability.required(.kind, availability.choice(.kind, of: Availability.Kind.self))
        func refuse(_ key: AvailabilityKey, unless isMeaningful: Bool) throws(JobFileError) {
            guard !isMeaningful, availability.has(key) else { return }
            throw .contradiction(
                availability.place(key),
                problem: "has no effect with `kind: \(kind.rawValue)`",
                remedy: "Remove it."
            )
        }
        try refuse(.period, unless: kind != .always)
        try refuse(.share, unless: kind != .always)
        try refuse(.spread, unless: kind == .diurnal)
        let day = Duration.seconds(86_400)
        func part(_ key: AvailabilityKey) throws(JobFileError) -> Double? {
            try availability.number(key, allowed: "a number from 0 to 1") { (0...1).contains($0) }
        }
        let dropout = try part(.dropout)
        let share = try availability.number(.share, allowed: "a number above 0 and at most 1") { $0 > 0 && $0 <= 1 }
        return Availability(
            kind: kind,
            period: try availability.duration(.period, in: .seconds(1)...(day * 366))
                ?? (kind == .random ? .seconds(3600) : day),
            share: share ?? 0.5,
            spread: try part(.spread) ?? 1,
            dropout: dropout ?? 0
        )
    }

    static func seeds(of section: JobFileSection<ExperimentKey>) throws(JobFileError) -> [UInt64] {
        guard let texts = try section.texts(.seeds, count: 1...1000) else { return [] }
        var seeds: [UInt64] = []
        for text in texts {
            guard let seed = UInt64(text) else {
                throw .outOfRange(section.place(.seeds), found: text, allowed: "whole numbers from 0 on")
            }
            seeds.append(seed)
        }
        return seeds
    }

    /// Reads a list of numbers, which may repeat.
    private static func numbers(
        _ key: RankKey,
        of section: JobFileSection<RankKey>,
        _ isAllowed: (Double) -> Bool
    ) throws(JobFileError) -> [Double]? {
        guard let node = try section.node(key) else { return nil }
        let values = node.sequence?.map { $0.scalar.flatMap { Double($0.string) } } ?? []
        guard !values.isEmpty, values.count <= 4096,
            values.allSatisfy({ $0.map { $0.isFinite && isAllowed($0) } ?? false })
        else {
            throw .wrongType(
                section.place(key),
                expected: "a list of numbers",
                found: "something else",
                example: key.example
            )
        }
        return values.compactMap { $0 }
    }
}
