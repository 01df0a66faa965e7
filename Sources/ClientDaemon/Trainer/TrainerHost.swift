package import FederatedLearning
private import Foundation
package import Logging
private import ServiceLifecycle

/// Keeps a trainer's process: starts it when it is first needed and after it has died, and makes one request at a time.
///
/// The rules are in ``TrainerConversation``; this actor feeds it what happens and performs what it says.
package actor TrainerHost: Service {
    private let process: TrainerProcess
    private let folder: TrainerFolder
    private let threads: Int
    private let logger: Logger
    private let log: TrainerLog
    /// Each element asks for a process.
    private nonisolated let (starts, startsContinuation) = AsyncStream.makeStream(of: Void.self)

    private var conversation: TrainerConversation?
    /// Whether a process was asked for and has not ended.
    private var isRunning = false
    private var isClosed = false
    private var splitter: LineSplitter
    private var errorSplitter = LineSplitter(limit: TrainerLog.lineBytes, policy: .cut)
    /// 0 while there is no process.
    private var processIdentifier: Int32 = 0
    private var input: AsyncStream<[UInt8]>.Continuation?
    private var ending: AsyncStream<Never>.Continuation?

    /// What the process that runs has said of itself.
    private var capabilities: TrainerCapabilities?
    /// Those who wait for a process to be ready.
    private var waiters: [Int: CheckedContinuation<TrainerCapabilities, any Error>] = [:]
    private var waiterCount = 0
    private var waitingForAnswer: CheckedContinuation<TrainerAnswer, Never>?
    private var progress: @Sendable (TrainingProgress) -> Void = { _ in }
    private var requestCount = 0

    /// Creates a host; nothing is started before ``run()`` and the first need.
    ///
    /// - Parameters:
    ///   - settings: The program and its limits.
    ///   - folder: Where it works.
    ///   - threads: How many threads it may use.
    ///   - logger: Where its standard error, and what happens to it, go.
    package init(settings: TrainerSettings, folder: TrainerFolder, threads: Int, logger: Logger) {
        self.process = TrainerProcess(settings: settings, folder: folder.url)
        self.folder = folder
        self.threads = threads
        self.logger = logger
        self.log = TrainerLog(logger: logger)
        self.splitter = LineSplitter(limit: settings.limits.lineBytes, policy: .fail)
    }

    /// Runs processes, one after the other, until a graceful shutdown or until the task is cancelled.
    ///
    /// At a graceful shutdown the trainer is told to end, and waited for as long as its limit allows.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in starts { await runProcess() }
            close()
        } onCancelOrGracefulShutdown: {
            Task { await self.close() }
        }
    }

    private func close() {
        isClosed = true
        startsContinuation.finish()
        perform(conversation?.shutDown(at: .now) ?? [])
        failStart(.closed)
    }

    // MARK: - For the trainer

    /// Returns what the trainer can do, starting it if it is not running.
    ///
    /// - Throws: ``TrainerError`` when it cannot be started, or says no hello; `CancellationError`.
    package func ready() async throws -> TrainerCapabilities {
        if let capabilities, conversation?.isOver == false { return capabilities }
        waiterCount += 1
        let waiter = waiterCount
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard !isClosed else { return continuation.resume(throwing: TrainerError.closed) }
                guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
                waiters[waiter] = continuation
                guard !isRunning else { return }
                isRunning = true
                startsContinuation.yield()
            }
        } onCancel: {
            Task { await self.abandon(waiter) }
        }
    }

    private func abandon(_ waiter: Int) {
        waiters.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
    }

    /// Makes a request of a trainer that is ready, and waits for its end.
    ///
    /// It never starts a process: a new one begins with an empty folder, without the files of the request.
    ///
    /// When the task is cancelled the trainer is told to stop, and this returns when it has, or was ended.
    ///
    /// - Parameters:
    ///   - make: Puts the request together, given its number.
    ///   - progress: Called with the trainer's progress.
    /// - Returns: How the request ended, which may be an error.
    /// - Throws: ``TrainerError/ended(how:lastWords:)`` when it is not ready any more; `CancellationError`.
    package func ask(
        _ make: @Sendable (Int) -> TrainerRequest,
        progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in }
    ) async throws -> TrainerAnswer {
        try Task.checkCancellation()
        guard let conversation, conversation.isReady, waitingForAnswer == nil else {
            throw TrainerError.ended(how: "ended before it was asked", lastWords: log.latest)
        }
        requestCount += 1
        let request = make(requestCount)
        self.progress = progress
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waitingForAnswer = continuation
                perform(self.conversation?.request(request, at: .now) ?? [])
                if Task.isCancelled { cancel(request.id) }
            }
        } onCancel: {
            Task { await self.cancel(request.id) }
        }
    }

    private func cancel(_ id: Int) {
        guard id == requestCount, waitingForAnswer != nil else { return }
        perform(conversation?.cancel(at: .now) ?? [])
    }

    // MARK: - One process

    private func runProcess() async {
        let (input, inputContinuation) = AsyncStream.makeStream(of: [UInt8].self)
        let (ending, endingContinuation) = AsyncStream.makeStream(of: Never.self)
        (self.input, self.ending) = (inputContinuation, endingContinuation)
        splitter = LineSplitter(limit: process.settings.limits.lineBytes, policy: .fail)
        errorSplitter = LineSplitter(limit: TrainerLog.lineBytes, policy: .cut)
        log.forgetLatest()
        let limits = process.settings.limits
        conversation = TrainerConversation(limits: limits, threads: threads, folder: folder.url.path)
        do {
            try folder.prepare(limit: limits.disk)
            let how = try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask { [process] in
                    try await process.run(input: input, ending: ending) { await self.handle($0) }
                }
                group.addTask {
                    await self.watch()
                    return nil
                }
                defer { group.cancelAll() }
                for try await how in group {
                    if let how { return how }
                }
                return "ended"
            }
            ended(how)
        } catch {
            failStart(error as? TrainerError ?? .cannotStart(program: process.program, reason: "\(error)"))
            ended("could not be started")
        }
    }

    /// Looks at the clock and at what the process uses until the task is cancelled.
    private func watch() async {
        let interval = Self.watchInterval(process.settings.limits)
        while (try? await Task.sleep(for: interval)) != nil {
            var usage: TrainerUsage?
            if waitingForAnswer != nil, processIdentifier > 0 { usage = await self.usage(of: processIdentifier) }
            look(at: .now, usage: usage)
        }
    }

    /// Ends a trainer that is past a limit; called every second or so while there is a process.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - usage: What the process uses; `nil` where that is not known.
    package func look(at now: ContinuousClock.Instant, usage: TrainerUsage? = nil) {
        perform(conversation?.ticked(at: now, usage: usage) ?? [])
    }

    @concurrent
    private nonisolated func usage(of process: Int32) async -> TrainerUsage {
        TrainerUsage(ofSession: process, folder: folder.url)
    }

    /// Every second, or often enough for limits that are shorter than that.
    private static func watchInterval(_ limits: TrainerLimits) -> Duration {
        let shortest =
            [limits.start, limits.silence, limits.ending, limits.time ?? limits.silence].min() ?? .seconds(1)
        return max(.milliseconds(10), min(.seconds(1), shortest / 2))
    }

    private func handle(_ event: TrainerProcess.Event) {
        let now = ContinuousClock.now
        switch event {
        case .started(let process):
            processIdentifier = process
            perform(conversation?.started(at: now) ?? [])
        case .output(let bytes):
            do {
                for line in try splitter.take(bytes) { perform(conversation?.received(line, at: now) ?? []) }
            } catch {
                perform(conversation?.overflowed(error) ?? [])
            }
        case .errors(let bytes):
            // Lines that are too long are cut.
            log.take((try? errorSplitter.take(bytes)) ?? [], at: now)
        }
    }

    private func ended(_ how: String) {
        if let rest = errorSplitter.finish() { log.take([rest], at: .now) }
        perform(conversation?.ended(how, lastWords: log.latest) ?? [])
        if processIdentifier > 0 {
            logger.info("The trainer has ended", metadata: ["how": "\(how)", "process": "\(processIdentifier)"])
        }
        input?.finish()
        ending?.finish()
        (conversation, capabilities, input, ending) = (nil, nil, nil, nil)
        processIdentifier = 0
        isRunning = false
        // Somebody asked for one while this one was ending.
        if !waiters.isEmpty, !isClosed {
            isRunning = true
            startsContinuation.yield()
        }
    }

    // MARK: - Actions

    private func perform(_ actions: [TrainerConversation.Action]) {
        for action in actions {
            switch action {
            case .say(let command):
                input?.yield(command.line)
                // A program that only reads to the end of its input ends as well.
                if command == .shutdown { input?.finish() }
            case .ready(let found):
                capabilities = found
                logger.info(
                    "The trainer is ready",
                    metadata: [
                        "trainer": "\(found.name) \(found.release)", "process": "\(processIdentifier)",
                        "tasks": "\(found.tasks.map(\.rawValue).sorted().joined(separator: ", "))",
                    ]
                )
                for waiter in waiters.values { waiter.resume(returning: found) }
                waiters = [:]
            case .report(let step):
                progress(step)
            case .answer(let answer):
                waitingForAnswer?.resume(returning: answer)
                waitingForAnswer = nil
                progress = { _ in }
            case .giveUp(let error):
                failStart(error)
            case .note(let error):
                logger.warning("The trainer is started again when it is needed", metadata: ["problem": "\(error)"])
            case .end:
                ending?.finish()
            }
        }
    }

    private func failStart(_ error: TrainerError) {
        for waiter in waiters.values { waiter.resume(throwing: error) }
        waiters = [:]
    }
}
