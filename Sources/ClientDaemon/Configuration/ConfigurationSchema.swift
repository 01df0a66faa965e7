package import FederatedLearning

/// The schemas of the two files that a data steward writes.
package enum ConfigurationSchema {
    /// What `client.yaml` takes; a key without a value counts as absent.
    package static var client: ValueSchema {
        let server = ValueSchema.section(
            [("host", .text(atMost: 4096)), ("port", .integer(1...65_535))],
            required: ["host", "port"]
        )
        let privacy = ValueSchema.section(
            [("epsilon_limit", .number(above: 0)), ("delta", .number(above: 0, below: 1))],
            required: ["epsilon_limit", "delta"]
        )
        return .section([
            ("server", server.orNothing.described("Where the federation listens; `fed-client join` writes it.")),
            ("data", path.orNothing.described("The data file of this silo; it is read here and never sent.")),
            ("models", ValueSchema.names(of: path).orNothing.described("Base models by the name that jobs give them.")),
            (
                "max_rank",
                ValueSchema.integer(ClientConfiguration.ranks).orNothing
                    .described("The largest adapter rank that this silo trains.")
            ),
            (
                "tags",
                ValueSchema.names(of: .text(atMost: 4096)).orNothing
                    .described("Labels by which jobs may choose this silo; the server sees them.")
            ),
            (
                "threads",
                ValueSchema.integer(ClientConfiguration.threadCounts).orNothing
                    .described("How many threads training may use.")
            ),
            ("privacy", privacy.orNothing.described("What all jobs together may give away of this silo's data.")),
            ("trainer", trainer.orNothing.described("A program of the silo's own that trains (protocol/TRAINER.md).")),
        ])
    }

    private static var trainer: ValueSchema {
        let amount = ValueSchema.text(matching: "^[0-9]{1,18} ?(KiB|MiB|GiB|TiB)$")
        let command = ValueSchema.text(atMost: 4096)
            .or(.list(of: .text(atMost: 4096), count: 1...1024, isUnique: false))
        return .section(
            [
                ("command", command.described("The program and its arguments.")),
                (
                    "environment",
                    ValueSchema.names(of: .text(atMost: 4096)).orNothing
                        .described("Variables that it gets beside the few that every trainer gets.")
                ),
                ("start", ValueSchema.duration.orNothing.described("From its start to its hello.")),
                ("silence", ValueSchema.duration.orNothing.described("Between two messages of a request.")),
                ("time", ValueSchema.duration.orNothing.described("For one request as a whole.")),
                ("memory", amount.orNothing.described("Memory of the program and all that it starts.")),
                ("disk", amount.orNothing.described("What may lie in its folder.")),
                (
                    "retries",
                    ValueSchema.integer(TrainerSettings.retryCounts).orNothing
                        .described("How often a request is made again after the program has died or hung.")
                ),
            ],
            required: ["command"]
        )
    }

    /// What `policy.yaml` takes; a key without a value counts as absent.
    package static var policy: ValueSchema {
        func list(of element: ValueSchema) -> ValueSchema {
            .list(of: element, count: 0...100_000, isUnique: false)
        }
        let text = ValueSchema.text(atMost: 4096)
        return .section([
            ("jobs", list(of: text).orNothing.described("Names of jobs; * stands for any characters.")),
            ("strategies", list(of: text).orNothing.described("Names of strategies.")),
            ("models", list(of: .digest).orNothing.described("SHA-256 digests of base models.")),
            (
                "minimum_privacy",
                ValueSchema.choice(SiloPolicy.Privacy.self).orNothing
                    .described("How much a job's privacy.mechanism has to do.")
            ),
            ("data", list(of: path).orNothing.described("Data files that may be trained on.")),
            (
                "max_epochs",
                ValueSchema.integer(1...1_000_000).orNothing.described("How often a round may use the data.")
            ),
            (
                "evaluation",
                ValueSchema.choice(["allowed", "refused"]).orNothing
                    .described("Whether held-out figures may be reported.")
            ),
            (
                "logs",
                ValueSchema.choice(["allowed", "refused"]).orNothing
                    .described("Whether the server may read this client's log while it is written.")
            ),
        ])
    }

    private static let path = ValueSchema.text(atMost: 4096)
}
