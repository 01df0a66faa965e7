package import FederatedLearning

/// The conversation with one process of a trainer: what may be said when, and what follows.
///
/// A value without I/O. Whoever runs the process tells it what happened and performs the actions that it returns, in their
/// order. One request is worked at a time. Whatever breaks the contract, or a limit, ends the process: it is started anew
/// for the next request.
package struct TrainerConversation: Sendable {
    package enum Action: Hashable, Sendable {
        case say(TrainerCommand)
        /// The trainer has introduced itself, and can be asked to work.
        case ready(TrainerCapabilities)
        case report(TrainingProgress)
        /// The request is over.
        case answer(TrainerAnswer)
        /// Nothing came of the start.
        case giveUp(TrainerError)
        /// Something went wrong while nobody waited for anything.
        case note(TrainerError)
        /// End the process, whatever it is doing.
        case end
    }

    private enum State: Sendable {
        case new
        /// Its hello is awaited. Can become `ready`.
        case starting(since: ContinuousClock.Instant)
        case ready
        case working(Work)
        /// It was told to end.
        case closing(since: ContinuousClock.Instant)
        case over
    }

    private struct Work: Sendable {
        let request: TrainerRequest
        let began: ContinuousClock.Instant
        /// When the trainer said something last.
        var heard: ContinuousClock.Instant
        var cancelled: ContinuousClock.Instant?
        var metrics: [String: Double] = [:]
        var outputBytes = 0
    }

    private let limits: TrainerLimits
    private let hello: TrainerCommand
    private var state = State.new

    /// Creates the conversation with a process that is about to start.
    ///
    /// - Parameters:
    ///   - limits: How long it may take, and how much it may use.
    ///   - threads: How many threads it may use.
    ///   - folder: Its working folder.
    package init(limits: TrainerLimits, threads: Int, folder: String) {
        self.limits = limits
        self.hello = .hello(threads: threads, folder: folder)
    }

    /// Whether a request can be made now.
    package var isReady: Bool { if case .ready = state { true } else { false } }

    /// Whether the process has come to its end, or is about to.
    package var isOver: Bool {
        switch state {
        case .closing, .over: true
        case .new, .starting, .ready, .working: false
        }
    }

    // MARK: - What the daemon wants

    package mutating func started(at now: ContinuousClock.Instant) -> [Action] {
        state = .starting(since: now)
        return [.say(hello)]
    }

    /// Makes a request of a trainer that is ready.
    ///
    /// - Precondition: ``isReady``.
    package mutating func request(_ request: TrainerRequest, at now: ContinuousClock.Instant) -> [Action] {
        precondition(isReady, "a request of a trainer that is not ready")
        state = .working(Work(request: request, began: now, heard: now))
        return [.say(.work(request))]
    }

    /// Asks the trainer to stop working; the request is over when it has answered, or has taken too long to.
    package mutating func cancel(at now: ContinuousClock.Instant) -> [Action] {
        guard case .working(var work) = state, work.cancelled == nil else { return [] }
        work.cancelled = now
        state = .working(work)
        return [.say(.cancel(work.request.id))]
    }

    /// Asks the trainer to end.
    package mutating func shutDown(at now: ContinuousClock.Instant) -> [Action] {
        switch state {
        case .ready:
            state = .closing(since: now)
            return [.say(.shutdown)]
        case .working:
            state = .closing(since: now)
            return [.answer(.failed(.closed)), .say(.shutdown)]
        case .starting, .new:
            state = .over
            return [.giveUp(.closed), .end]
        case .closing, .over:
            return []
        }
    }

    // MARK: - What the trainer does

    /// Takes a line of its standard output.
    package mutating func received(_ line: [UInt8], at now: ContinuousClock.Instant) -> [Action] {
        switch state {
        case .closing, .over, .new:
            return []
        case .starting, .ready, .working:
            break
        }
        let message: TrainerMessage
        do {
            message = try TrainerMessage(line)
        } catch {
            return fail(.brokeContract(problem: error.description))
        }
        switch state {
        case .starting: return introduced(message)
        case .working(var work):
            work.heard = now
            work.outputBytes += line.count + 1
            return worked(message, work)
        case .ready:
            // It had finished when it was told to stop.
            if case .cancelled = message { return [] }
            return fail(.brokeContract(problem: "`\(message.type)` came without a request."))
        case .new, .closing, .over: return []
        }
    }

    /// Records that a line of its standard output was too long.
    package mutating func overflowed(_ overflow: LineSplitter.Overflow) -> [Action] {
        let excerpt = TrainerMessage.excerpt(overflow.beginning)
        return fail(.brokeContract(problem: "the line `\(excerpt)` is longer than \(limits.lineBytes) bytes."))
    }

    /// Records that the process has ended.
    ///
    /// - Parameters:
    ///   - how: The end of a sentence, such as "ended with exit code 1".
    ///   - lastWords: The last line of its standard error.
    /// - Returns: What follows; nothing where the end was expected.
    package mutating func ended(_ how: String, lastWords: String?) -> [Action] {
        fail(.ended(how: how, lastWords: lastWords)).filter { $0 != .end }
    }

    /// Looks at clocks and limits; called every second or so.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - usage: What the process uses; `nil` where that is not known.
    /// - Returns: What follows; nothing as long as all is within its limits.
    package mutating func ticked(at now: ContinuousClock.Instant, usage: TrainerUsage?) -> [Action] {
        switch state {
        case .starting(let since):
            guard since.duration(to: now) >= limits.start else { return [] }
            return fail(.silent(limits.start, key: "start"))
        case .working(let work):
            if let cancelled = work.cancelled {
                return cancelled.duration(to: now) >= limits.ending ? fail(.silent(limits.ending, key: "ending")) : []
            }
            if let usage, let limit = limits.memory, usage.memory > limit {
                return fail(.tooMuchMemory(bytes: usage.memory, limit: limit))
            }
            if let usage, usage.disk > limits.disk {
                return fail(.tooMuchDisk(bytes: usage.disk, limit: limits.disk))
            }
            if let time = limits.time, work.began.duration(to: now) >= time { return fail(.tooSlow(time)) }
            guard work.heard.duration(to: now) >= limits.silence else { return [] }
            return fail(.silent(limits.silence, key: "silence"))
        case .closing(let since):
            guard since.duration(to: now) >= limits.ending else { return [] }
            state = .over
            return [.end]
        case .new, .ready, .over:
            return []
        }
    }

    // MARK: - Rules

    private mutating func introduced(_ message: TrainerMessage) -> [Action] {
        guard case .hello(let version, let capabilities) = message else {
            return fail(.brokeContract(problem: "`\(message.type)` came before `hello`."))
        }
        guard version == TrainerCommand.version else { return fail(.wrongVersion(version)) }
        guard !capabilities.tasks.isEmpty else {
            return fail(.brokeContract(problem: "`hello` names no task that is known in `tasks`."))
        }
        state = .ready
        return [.ready(capabilities)]
    }

    private mutating func worked(_ message: TrainerMessage, _ earlier: Work) -> [Action] {
        var work = earlier
        guard let id = message.id else { return fail(.brokeContract(problem: "`hello` came twice.")) }
        if case .cancelled = message, id < work.request.id { return [] }
        guard id == work.request.id else {
            return fail(
                .brokeContract(
                    problem: "`\(message.type)` is about request \(id), and \(work.request.id) is under way."
                )
            )
        }
        guard work.outputBytes <= limits.outputBytes else {
            return fail(.brokeContract(problem: "it said more than \(limits.outputBytes) bytes about one request."))
        }
        switch message {
        case .progress(_, let step, let stepCount, let loss):
            state = .working(work)
            guard work.request.kind == .train else { return [] }
            return [.report(TrainingProgress(step: step, stepCount: stepCount, loss: loss))]
        case .metrics(_, let metrics):
            work.metrics.merge(metrics) { $1 }
            // Figures by the thousand are of no use to anybody.
            guard work.metrics.count <= 256 else {
                return fail(.brokeContract(problem: "it reported more than 256 figures."))
            }
            state = .working(work)
            return []
        case .trained(_, var reply) where work.request.kind == .train:
            reply.metrics = work.metrics.merging(reply.metrics) { $1 }
            return answer(.trained(reply))
        case .evaluated(_, let examples, let metrics) where work.request.kind == .evaluate:
            return answer(
                .evaluated(EvaluationReport(exampleCount: examples, metrics: work.metrics.merging(metrics) { $1 }))
            )
        case .failed(_, let reason, let mayRetry):
            return answer(work.cancelled == nil ? .failed(.failed(reason: reason, mayRetry: mayRetry)) : .cancelled)
        case .cancelled where work.cancelled != nil:
            return answer(.cancelled)
        case .cancelled:
            return fail(.brokeContract(problem: "`cancelled` came though nothing was cancelled."))
        case .trained, .evaluated, .hello:
            return fail(.brokeContract(problem: "`\(message.type)` does not answer `\(work.request.kind.rawValue)`."))
        }
    }

    private mutating func answer(_ answer: TrainerAnswer) -> [Action] {
        state = .ready
        return [.answer(answer)]
    }

    /// Ends the process for what it did; a request that was cancelled ends as such.
    private mutating func fail(_ error: TrainerError) -> [Action] {
        defer { state = .over }
        switch state {
        case .new, .starting: return [.giveUp(error), .end]
        case .ready: return [.note(error), .end]
        case .working(let work): return [.answer(work.cancelled == nil ? .failed(error) : .cancelled), .end]
        case .closing, .over: return [.end]
        }
    }
}

/// How a request ended.
package enum TrainerAnswer: Hashable, Sendable {
    case trained(TrainerMessage.TrainedReply)
    case evaluated(EvaluationReport)
    case failed(TrainerError)
    case cancelled
}
