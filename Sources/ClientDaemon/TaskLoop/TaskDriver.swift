package import FederatedLearning
private import Synchronization
package import Transport
private import WireProtocol

/// Performs what the ``TaskLoop`` decides: the one place where events of the connection, the trainer and the disk meet.
///
/// It holds no rules. Work runs in a task of its own; everything the actor does itself is short.
package actor TaskDriver {
    private enum Report: Sendable {
        case progress(WorkOrder.ID, TrainingProgress)
        /// The disk can no longer be relied on.
        case fatal(any Error)
    }

    private struct Work {
        let order: WorkOrder
        let task: Task<Void, Never>
    }

    /// At most two a second: enough to watch, next to nothing to send.
    private static let progressInterval = Duration.milliseconds(500)

    private let worker: OrderWorker
    private let payloads: PayloadStore
    private let outbox: Outbox
    private let memory: JobMemory
    private let observe: @Sendable (ClientEvent) -> Void
    private let (reports, reportsContinuation) = AsyncStream.makeStream(
        of: Report.self,
        bufferingPolicy: .bufferingNewest(16)
    )

    private var loop: TaskLoop
    private var link: ServerLink?
    private var work: Work?
    /// Wakes the driver when a lease ends.
    private var leaseAlarm: (time: ContinuousClock.Instant, task: Task<Void, Never>)?

    /// Creates a driver.
    ///
    /// - Parameters:
    ///   - loop: What is owed at the start.
    ///   - worker: Does the work.
    ///   - payloads: Where fetched payloads are.
    ///   - outbox: Where finished updates are.
    ///   - memory: What the worker notes at the end of a training.
    ///   - observe: Is told what happens; it must not wait.
    package init(
        loop: TaskLoop,
        worker: OrderWorker,
        payloads: PayloadStore,
        outbox: Outbox,
        memory: JobMemory,
        observe: @escaping @Sendable (ClientEvent) -> Void
    ) {
        self.loop = loop
        self.worker = worker
        self.payloads = payloads
        self.outbox = outbox
        self.memory = memory
        self.observe = observe
    }

    /// Passes on progress until the task is cancelled; then stops the work and waits for its end.
    ///
    /// - Throws: When the disk has failed in a way after which nothing is known about its content.
    package func run() async throws {
        defer { observe(.stopped) }
        do {
            for await report in reports {
                switch report {
                case .progress(let id, let progress):
                    observe(.progressed(id, progress))
                    link?.say(.progress(id, progress))
                case .fatal(let error):
                    throw error
                }
            }
        } catch {
            await stopWork()
            throw error
        }
        await stopWork()
    }

    private func stopWork() async {
        leaseAlarm?.task.cancel()
        guard let work else { return }
        work.task.cancel()
        await work.task.value
    }

    // MARK: - The connection

    package func welcomed(as name: String, payloadLimit: UInt64, over link: ServerLink) {
        self.link = link
        observe(.welcomed(name: name))
        perform(loop.welcomed(payloadLimit: payloadLimit))
    }

    /// Records that a connection is gone; one that another has replaced already changes nothing.
    package func disconnected(_ link: ServerLink) {
        guard self.link === link else { return }
        self.link = nil
        loop.disconnected()
        watchLeases()
    }

    /// Says that this client leaves of its own will, and closes the connection if there is one.
    package func leave() async {
        await link?.leave()
    }

    // MARK: - What the server says

    package func received(_ order: WorkOrder) {
        observe(.received(order))
        perform(loop.received(order))
    }

    package func withdrawn(_ id: WorkOrder.ID, reason: String) {
        observe(.withdrawn(id, reason: reason))
        perform(loop.withdrawn(id))
    }

    package func uploadRequested(_ id: WorkOrder.ID, digest: ContentDigest, offset: UInt64) {
        perform(loop.uploadRequested(id, digest: digest, offset: offset))
    }

    package func judged(_ id: WorkOrder.ID, _ verdict: UpdateVerdict) {
        observe(.judged(id, verdict))
        perform(loop.judged(id, verdict))
    }

    package func recorded(_ id: WorkOrder.ID) {
        loop.recorded(id)
    }

    // MARK: - Payloads

    package func payloadArrived(_ digest: ContentDigest) {
        perform(loop.payloadArrived(digest))
    }

    package func payloadFailed(_ digest: ContentDigest, _ error: PayloadError) {
        observe(.hindered(problem: "\(error)"))
        stopIfDiskFailed(error)
        perform(loop.payloadFailed(digest, reason: Disclosure.reason(for: error)))
    }

    // MARK: - Work

    private func start(_ order: WorkOrder) {
        observe(.started(order))
        let progress = progressReporter(for: order.id)
        let task = Task { [worker, weak self] in
            let outcome = await worker.work(on: order, progress: progress)
            await self?.ended(order, outcome)
        }
        work = Work(order: order, task: task)
    }

    private func ended(_ order: WorkOrder, _ outcome: OrderWorker.Outcome) {
        work = nil
        switch outcome {
        case .trained(let update):
            observe(.finished(update))
            perform(loop.finished(update))
        case .evaluated(let report):
            observe(.evaluated(order, report))
            perform(loop.evaluated(order.id, report))
        case .failed(let error):
            forgetControls(of: order)
            observe(.failed(order, problem: "\(error)"))
            stopIfDiskFailed(error)
            perform(loop.failed(order.id, reason: Disclosure.reason(for: error)))
        case .payloadLost:
            observe(.hindered(problem: "Payload \(order.adapter.digest) is damaged on this disk; it is fetched again."))
            attempt { try payloads.remove(PayloadDigest(order.adapter.digest)) }
            perform(loop.payloadLost(order.id))
        case .stopped:
            forgetControls(of: order)
            observe(.halted(order.id))
            perform(loop.stopped(order.id))
        }
    }

    private func progressReporter(for id: WorkOrder.ID) -> @Sendable (TrainingProgress) -> Void {
        let throttle = ThrottleBox(interval: Self.progressInterval)
        return { [reportsContinuation] progress in
            guard throttle.admits(at: .now) else { return }
            reportsContinuation.yield(.progress(id, progress))
        }
    }

    // MARK: - Leases

    private func watchLeases() {
        loop.settle(at: .now)
        let time = loop.nextExpiry
        guard leaseAlarm?.time != time else { return }
        leaseAlarm?.task.cancel()
        leaseAlarm = time.map { time in
            let task = Task { [weak self] in
                guard (try? await Task.sleep(until: time, clock: .continuous)) != nil else { return }
                await self?.endLeases()
            }
            return (time, task)
        }
    }

    private func endLeases() {
        leaseAlarm = nil
        for id in loop.expiredOrders(at: .now) {
            observe(.withdrawn(id, reason: "The server has not asked for this work for too long."))
        }
        perform(loop.expired(at: .now))
    }

    // MARK: - Actions

    private func perform(_ actions: [TaskLoop.Action]) {
        defer { watchLeases() }
        for action in actions {
            switch action {
            case .send(let message):
                switch message {
                case .refuse(let id, let reason), .object(let id, let reason): observe(.refused(id, reason: reason))
                case .accept, .progress, .offer, .report: break
                }
                link?.say(message)
            case .fetch(let adapter):
                link?.fetch(adapter)
            case .work(let order):
                start(order)
            case .cancel(let id):
                if let work, work.order.id == id { work.task.cancel() }
            case .upload(let update, let offset):
                link?.upload(update, from: offset)
            case .forget(let update):
                link?.stopUpload(of: update.order.id)
                attempt { try outbox.remove(update) }
            case .disown(let update):
                link?.stopUpload(of: update.order.id)
                disown(update)
            case .discard(let digest):
                link?.abandonFetch(of: digest)
                attempt {
                    try payloads.remove(PayloadDigest(digest))
                    try payloads.removePartial(of: PayloadDigest(digest))
                }
            }
        }
    }

    /// Drops what a training noted that left no update: its control variate has not advanced.
    private func forgetControls(of order: WorkOrder) {
        guard order.id.kind == .train, order.assignment.rules.usesControlVariates else { return }
        change { try memory.forget(order.id.round, of: order.id.job) }
    }

    /// Removes an update that does not count, and what the silo noted at its end.
    ///
    /// The notes go first: an update that a crash leaves in the outbox is offered again, and rejected again.
    private func disown(_ update: UnjudgedUpdate) {
        change {
            try memory.forget(update.order.id.round, of: update.order.id.job)
            try outbox.remove(update)
        }
    }

    /// Changes something on the disk that later rounds rest on.
    private func change(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            observe(.hindered(problem: "\(error)"))
            stopIfDiskFailed(error)
        }
    }

    /// Does something that only tidies up: a failure is told and changes nothing.
    private func attempt(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            observe(.hindered(problem: "\(error)"))
        }
    }

    private func stopIfDiskFailed(_ error: any Error) {
        let failure: FileError? =
            if case .file(let failure) = error as? PayloadError { failure } else { error as? FileError }
        if let failure, failure.operation == .sync { reportsContinuation.yield(.fatal(failure)) }
    }
}

/// A ``Throttle`` that the trainer's threads share.
private final class ThrottleBox: Sendable {
    private let throttle: Mutex<Throttle>

    init(interval: Duration) {
        self.throttle = Mutex(Throttle(interval: interval))
    }

    func admits(at now: ContinuousClock.Instant) -> Bool {
        throttle.withLock { $0.admits(at: now) }
    }
}
