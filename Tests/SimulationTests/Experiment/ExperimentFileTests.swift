import FederatedLearning
import Testing

@testable import Simulation

@Suite("Experiment files")
struct ExperimentFileTests {
    static let job = """
        name: tiny
        model: tiny-bert
        task: sequence-classification
        labels: [bad, good]
        adapter: {r: 4, lora_alpha: 8, target_modules: [query, value]}
        strategy: {name: fedavg}
        rounds: 3
        cohort: {size: 4, minimum: 2}

        """

    static let world = """
        clients: 8
        data: {file: texts.jsonl}

        """

    private func experiment(_ text: String) throws -> Experiment {
        try ExperimentFile.parse(Self.job + text).experiment
    }

    @Test("with the least have the defaults that the article states")
    func defaults() throws {
        let found = try experiment(Self.world)
        #expect(
            found
                == Experiment(
                    job: found.job,
                    clients: 8,
                    data: DataSettings(files: ["texts.jsonl"]),
                    partition: PartitionSettings(method: .iid, minimum: 1),
                    ranks: RankSettings(distribution: .fixed, ranks: [4], shares: [1]),
                    availability: Availability(
                        kind: .always,
                        period: .seconds(86_400),
                        share: 0.5,
                        spread: 1,
                        dropout: 0
                    ),
                    checkpointEvery: 1
                )
        )
        #expect(found.job.cohort.size == 4 && found.output == nil && found.seeds.isEmpty)
        #expect(
            try experiment("clients: 8\ndata: {file: a.jsonl}\npartition: {by: dirichlet, alpha: 1}\n").partition
                .minimum == 10
        )
        let random = try experiment(Self.world + "availability: {kind: random}\n").availability
        #expect(random.period == .seconds(3600))
    }

    @Test("say everything that an experiment has")
    func everything() throws {
        let found = try experiment(
            """
            clients: 40
            data: {files: [north.jsonl, south.csv]}
            partition: {by: dirichlet, alpha: 0.1, minimum: 3, balance: false, seed: 9}
            ranks: {distribution: heavy-tail-light, ranks: [2, 4, 8], shares: [2, 1, 1]}
            devices:
              - {name: phone, share: 0.8, tokens_per_second: 500, upload_mbit: 10, download_mbit: 50, latency: 0.05, maximum_rank: 4}
              - {name: server}
            availability: {kind: diurnal, period: 12h, share: 0.25, spread: 0.5, dropout: 0.01}
            output: out
            seeds: [1, 2, 30]
            checkpoint: {every: 5}
            """
        )
        #expect(found.data.files == ["north.jsonl", "south.csv"])
        #expect(
            found.partition == PartitionSettings(method: .dirichlet, alpha: 0.1, minimum: 3, balance: false, seed: 9)
        )
        #expect(
            found.ranks == RankSettings(distribution: .heavyTailLight, ranks: [2, 4, 8], shares: [0.5, 0.25, 0.25])
        )
        #expect(
            found.devices == [
                DeviceClass(
                    name: "phone",
                    share: 0.8,
                    tokensPerSecond: 500,
                    uploadMegabits: 10,
                    downloadMegabits: 50,
                    latency: 0.05,
                    maximumRank: 4
                ), DeviceClass(name: "server"),
            ]
        )
        #expect(
            found.availability
                == Availability(kind: .diurnal, period: .seconds(43_200), share: 0.25, spread: 0.5, dropout: 0.01)
        )
        #expect(found.output == "out" && found.seeds == [1, 2, 30] && found.checkpointEvery == 5)
    }

    @Test(
        "with a mistake are refused with the key, its line and what to write",
        arguments: [
            (
                "clients: 8\ndata: {file: a.jsonl}\nparttion: {by: iid}",
                ["`parttion` in line 11", "Did you mean `partition`?"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\npartition: {by: dirichlet, alhpa: 1}",
                ["`partition.alhpa` in line 11", "`partition.alpha`"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\ntokens_per_second: 4",
                ["`tokens_per_second` in line 11", "`devices.tokens_per_second`"]
            ),
            ("clients: 8\ndata: {file: a.jsonl}\npartition: {by: dirichlet}", ["`partition.alpha`", "is missing"]),
            ("clients: 8\ndata: {file: a.jsonl}\npartition: {by: quantity}", ["`partition.alpha`", "is missing"]),
            (
                "clients: 8\ndata: {file: a.jsonl}\npartition: {by: dirichlett, alpha: 1}",
                ["`partition.by` in line 11", "Did you mean `dirichlet`?"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\npartition: {by: dirichlet, alpha: 0}",
                ["`partition.alpha` in line 11", "out of range"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\npartition: {by: iid, alpha: 1}",
                ["`partition.alpha` in line 11", "no effect with `by: iid`"]
            ),
            ("clients: 1\ndata: {file: a.jsonl}", ["`clients` in line 9", "fewer than the 2 that a round needs"]),
            ("clients: 0\ndata: {file: a.jsonl}", ["`clients` in line 9", "out of range"]),
            ("data: {file: a.jsonl}", ["`clients`", "is missing"]),
            ("clients: 8", ["`data`", "is missing"]),
            ("clients: 8\ndata: {}", ["`data.file`", "is missing"]),
            (
                "clients: 8\ndata: {file: a.jsonl, files: [b.jsonl]}",
                ["`data.file` in line 10", "does not go with `data.files`"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\nranks: {distribution: fixed, ranks: [1, 2]}",
                ["`ranks.ranks` in line 11", "Write `r`."]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\nranks: {distribution: uniform, ranks: [4, 2]}",
                ["`ranks.ranks` in line 11", "ascending"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\nranks: {distribution: uniform, ranks: [2, 4], shares: [1]}",
                ["`ranks.shares` in line 11", "1 shares for 2 ranks"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\nranks: {distribution: device}",
                ["`ranks` in line 11", "`maximum_rank`"]
            ),
            ("clients: 8\ndata: {file: a.jsonl}\ndevices: []", ["`devices` in line 11", "a list of 1 to 256 devices"]),
            ("clients: 8\ndata: {file: a.jsonl}\ndevices: [{share: 1}]", ["`devices[0].name`", "is missing"]),
            (
                "clients: 8\ndata: {file: a.jsonl}\ndevices: [{name: a}, {name: a}]",
                ["`devices[1]` in line 11", "a second 'a'"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\ndevices: [{name: a, latency: -1}]",
                ["`devices[0].latency` in line 11", "out of range"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\ndevices: [{name: a, tokens_per_second: 1e-20}]",
                ["`devices[0].tokens_per_second` in line 11", "Write a number from 0.000001 to 1000000000."]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\ndevices: [{name: a, upload_mbit: 0}]",
                ["`devices[0].upload_mbit` in line 11", "out of range"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\navailability: {kind: always, share: 0.5}",
                ["`availability.share` in line 11", "no effect"]
            ),
            (
                "clients: 8\ndata: {file: a.jsonl}\navailability: {kind: random, share: 0}",
                ["`availability.share` in line 11", "out of range"]
            ),
            ("clients: 8\ndata: {file: a.jsonl}\nseeds: [1, -2]", ["`seeds` in line 11", "-2"]),
            (
                "clients: 8\ndata: {file: a.jsonl}\ncheckpoint: {every: 0}",
                ["`checkpoint.every` in line 11", "out of range"]
            ),
        ]
    )
    func mistakes(text: String, parts: [String]) {
        let error = #expect(throws: JobFileError.self) { try experiment(text) }
        for part in parts {
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "no error")")
        }
    }

    @Test("take overrides of keys of the job and of the world")
    func overrides() throws {
        let overrides = try ["training.learning_rate=3e-4", "partition.by=draw", "partition.examples=7", "clients=20"]
            .map { try JobFileOverride(parsing: $0) }
        let resolved = try ExperimentFile.parse(Self.job + Self.world, overrides: overrides)
        #expect(resolved.experiment.job.training.learningRate == 3e-4)
        #expect(resolved.experiment.partition == PartitionSettings(method: .draw, examples: 7))
        #expect(resolved.experiment.clients == 20)
        #expect(try ExperimentFile.parse(resolved.text()).experiment == resolved.experiment)
        let unknown = #expect(throws: JobFileError.self) {
            try ExperimentFile.parse(Self.job + Self.world, overrides: [JobFileOverride(parsing: "partition.alhpa=1")])
        }
        #expect(unknown?.description.contains("Did you mean `partition.alpha`?") == true)
    }
}
