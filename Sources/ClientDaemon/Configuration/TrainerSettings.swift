/// A program that trains in place of the native trainer: the section `trainer` of `client.yaml`.
///
/// `protocol/TRAINER.md` says how it is talked to.
package struct TrainerSettings: Hashable, Sendable {
    /// The program and its arguments; never empty.
    package var command: [String]
    /// Variables that it gets beside the few that every trainer gets; nothing is inherited.
    package var environment: [String: String]
    package var limits: TrainerLimits
    /// How often a request is made again after the program has died or hung, from 0.
    package var retries: Int

    package static let retryCounts = 0...10

    package init(
        command: [String],
        environment: [String: String] = [:],
        limits: TrainerLimits = TrainerLimits(),
        retries: Int = 1
    ) {
        self.command = command
        self.environment = environment
        self.limits = limits
        self.retries = retries
    }
}

/// How long a trainer may take, and how much of the machine it may use.
package struct TrainerLimits: Hashable, Sendable {
    /// From the start of the program to its hello.
    package var start: Duration
    /// Between two messages while a request is under way.
    package var silence: Duration
    /// For one request as a whole; `nil` for as long as the order's lease lasts.
    package var time: Duration?
    /// From `cancel` or `shutdown` to the end.
    package var ending: Duration
    /// Resident memory of the program and all that it starts, in bytes; `nil` for no limit.
    package var memory: Int?
    /// What may lie in its folder, in bytes.
    package var disk: Int
    /// The longest line on its standard output, in bytes.
    package var lineBytes: Int
    /// What it may say on its standard output during one request, in bytes.
    package var outputBytes: Int

    package init(
        start: Duration = .seconds(120),
        silence: Duration = .seconds(600),
        time: Duration? = nil,
        ending: Duration = .seconds(30),
        memory: Int? = nil,
        disk: Int = 16 << 30,
        lineBytes: Int = 1 << 20,
        outputBytes: Int = 64 << 20
    ) {
        self.start = start
        self.silence = silence
        self.time = time
        self.ending = ending
        self.memory = memory
        self.disk = disk
        self.lineBytes = lineBytes
        self.outputBytes = outputBytes
    }
}
