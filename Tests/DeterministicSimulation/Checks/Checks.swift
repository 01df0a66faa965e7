import Aggregation
import ClientDaemon
import FederatedLearning
import Foundation
import TestSupport
import Transport

@testable import Coordinator

/// What must hold in every simulation, and what was seen of it so far.
///
/// - An update whose client was told that it is accepted is in the database, and stays there as long as its round does.
/// - A round counts what its clients made, each once, and its result has the bytes that the same updates give without any
///   fault (``Oracle``).
/// - A finished update is never trained again, and no client is left without a verdict.
/// - Nothing with noise leaves anybody before it is charged.
/// - After a crash no payload that is still needed is missing or damaged.
/// - Folders and buffers stay within their bounds.
final class Checks {
    /// What was violated, the first one first.
    private(set) var violations: [String] = []

    /// Every update that a client has finished, by the digest of its payload.
    private var finished: [Work: [ContentDigest: UnjudgedUpdate]] = [:]
    /// Updates that lie in an outbox without a verdict.
    private var unjudged: [Work: UnjudgedUpdate] = [:]
    /// What each client works on, and whether it was told that nobody wants it: then its result is dropped.
    private var underWay: [String: (order: WorkOrder, isUnwanted: Bool)] = [:]
    /// What clients were told is accepted, in which attempt at the round.
    private var acknowledged: [Work: (digest: ContentDigest, attempt: Int)] = [:]
    /// What the server has recorded last, in which attempt at the round: its client may hear of it after the next has begun.
    private var recorded: [Work: (digest: ContentDigest, attempt: Int)] = [:]
    /// How often each round was given up.
    private var attempts: [WorkOrder.ID: Int] = [:]
    /// Rounds whose noise was charged.
    private var charged: Set<WorkOrder.ID> = []
    private let oracle: Oracle
    private unowned let federation: SimulatedFederation

    init(of federation: SimulatedFederation, oracle: Oracle) {
        self.federation = federation
        self.oracle = oracle
    }

    func violate(_ text: String) {
        federation.log.note("VIOLATION", federation.scheduler.current, violations.count, text)
        violations.append(text)
    }

    // MARK: - What clients see

    func finished(_ update: UnjudgedUpdate, payload: [UInt8]?, by client: String) {
        let work = Work(client: client, order: update.order.id)
        guard let payload, ContentDigest(hashing: payload) == update.adapter.digest else {
            return violate("The outbox of \(work) does not hold what was finished.")
        }
        oracle.keep(payload, named: update.adapter.digest)
        finished[work, default: [:]][update.adapter.digest] = update
        let isUnwanted = underWay[client].map { $0.order != update.order || $0.isUnwanted } ?? false
        if !isUnwanted { unjudged[work] = update }
        underWay[client] = nil
    }

    /// An order came; the training of another order of its job is overtaken by it.
    func received(_ order: WorkOrder, by client: String) {
        guard order.id.kind == .train, underWay[client]?.order.id.job == order.id.job else { return }
        if underWay[client]?.order != order { underWay[client]?.isUnwanted = true }
    }

    func started(_ order: WorkOrder, by client: String) {
        let work = Work(client: client, order: order.id)
        if order.id.kind == .train, unjudged[work]?.order == order {
            violate("\(work) is trained again although its update lies in the outbox.")
        }
        underWay[client] = (order, false)
    }

    /// Nobody wants the client's work any more.
    func dropped(_ order: WorkOrder.ID, by client: String) {
        unjudged[Work(client: client, order: order)] = nil
        if underWay[client]?.order.id == order { underWay[client]?.isUnwanted = true }
    }

    /// The client's process begins anew, with what it finds in its outbox: the one before may have died before it told of it.
    func restarted(_ client: String, with outbox: [OutboxFolder.Item]) {
        for (update, payload) in outbox
        where finished[Work(client: client, order: update.order.id)]?[update.adapter.digest] == nil {
            finished(update, payload: payload, by: client)
        }
        underWay[client] = nil
    }

    func judged(_ order: WorkOrder.ID, _ verdict: UpdateVerdict, by client: String, _ store: CoordinatorStore?) {
        let work = Work(client: client, order: order)
        guard let update = unjudged.removeValue(forKey: work) else { return }
        let digest = update.adapter.digest
        // Nobody can be asked when the verdict outlives the server that gave it.
        let isRecorded: Bool? =
            if let store { (try? store.recordedUpdate(of: work))?.digest == digest } else { nil }
        switch verdict {
        case .accepted:
            let present = attempts[order, default: 0]
            let known = recorded[work].flatMap { $0.digest == digest ? $0.attempt : nil }
            acknowledged[work] = (digest, known ?? present)
            if isRecorded == false, known == present || present == 0 {
                violate("The update of \(work) is acknowledged and is not in the database.")
            }
        case .rejected(let reason):
            if isRecorded == true {
                violate("The update of \(work) is in the database, and its client is told '\(reason)'")
            }
        }
    }

    /// A peer that follows no rules was told that its update counts.
    func accepted(_ order: WorkOrder.ID, by peer: String, _ store: CoordinatorStore?) {
        guard let store, attempts[order, default: 0] == 0 else { return }
        let work = Work(client: peer, order: order)
        do {
            if try store.recordedUpdate(of: work) == nil {
                violate("The update of \(work) is acknowledged and is not in the database.")
            }
        } catch {
            // A disk that fails is another check's to judge.
        }
    }

    // MARK: - What the server does

    func willApply(_ change: RunChange, to job: JobID) {
        switch change {
        case .abandoned(let round, _):
            attempts[.init(job: job, round: round, kind: .train), default: 0] += 1
        case .committed(let round, _, _, _):
            let isCharged = charged.contains(.init(job: job, round: round, kind: .train))
            if federation.job(job)?.configuration.privacy?.isCentral == true, !isCharged {
                violate("Round \(round) of \(job) is released before its noise is charged.")
            }
        default: break
        }
    }

    func didApply(_ change: RunChange, to job: JobID) {
        switch change {
        case .charged(let charge):
            charged.insert(.init(job: job, round: charge.round, kind: .train))
        case .accepted(let offer):
            let work = Work(client: offer.client.rawValue, order: offer.order)
            recorded[work] = (offer.adapter.digest, attempts[offer.order, default: 0])
        default: break
        }
    }

    /// A server has opened what an earlier one left.
    func recovered(_ store: CoordinatorStore) async throws {
        for damage in try await store.runs.findDamage() { violate("After a restart: \(damage)") }
        try checkAcknowledged(in: store)
    }

    private func checkAcknowledged(in store: CoordinatorStore) throws {
        for (work, told) in acknowledged.sorted(by: { $0.key.description < $1.key.description })
        where told.attempt == attempts[work.order, default: 0] {
            let recorded = try store.recordedUpdate(of: work)
            if recorded?.digest != told.digest { violate("The update of \(work) was acknowledged and is lost.") }
        }
    }

    // MARK: - The end

    /// Checks everything that is on record when all is over.
    func conclude(_ store: CoordinatorStore, jobs: [SimulatedJob]) async throws {
        try checkAcknowledged(in: store)
        for job in jobs { try await check(job, in: store) }
        let needed = try await store.runs.neededPayloads().count
        let kept = try store.payloads.store.digests().count
        // One round's worth may come in before the next sweep.
        if kept > needed + 2 * FederationTemplate.clients {
            violate("The server keeps \(kept) payloads and needs \(needed).")
        }
    }

    private func check(_ job: SimulatedJob, in store: CoordinatorStore) async throws {
        var global = try await oracle.start(of: job)
        let privacy = job.configuration.privacy
        let charges = try store.chargedRounds(of: job.id)
        for round in try store.committedRounds(of: job.id) {
            var offers: [UpdateOffer] = []
            for offer in try store.acceptedUpdates(of: job.id, round: round.number) {
                let work = Work(client: offer.client.rawValue, order: offer.order)
                guard finished[work]?[offer.adapter.digest] != nil else {
                    violate("Round \(round.number) of \(job.id) counts what \(work) never made.")
                    return
                }
                if privacy == nil {
                    let honest = try await oracle.update(of: offer.client, for: job, round: round.number, from: global)
                    if honest != offer.adapter.digest {
                        violate("The update of \(work) does not follow from what its round started from.")
                    }
                }
                offers.append(offer)
            }
            if privacy != nil, !charges.contains(round.number) {
                violate("Round \(round.number) of \(job.id) is on record without a charge.")
            }
            guard privacy?.isCentral != true else { continue }
            global = try await oracle.combine(offers, for: job, round: round.number, from: global)
            if global.digest != round.digest {
                violate("Round \(round.number) of \(job.id) has other bytes than its updates give.")
                return
            }
        }
    }

    /// Checks what a client is left with when nothing is owed to it any more.
    func conclude(_ directory: ClientDaemon.ClientDirectory, of client: String) throws {
        let records = try? FileManager.default.contentsOfDirectory(
            atPath: directory.outbox.appendingPathComponent("records").path
        )
        if let records, !records.isEmpty { violate("'\(client)' still waits for \(records.count) verdicts.") }
        let payloads = try? FileManager.default.contentsOfDirectory(
            atPath: directory.payloads.appendingPathComponent("blobs").path
        )
        if let payloads, payloads.count > 4 { violate("'\(client)' keeps \(payloads.count) payloads.") }
        let releases = finished.filter { work, _ in
            work.client == client && federation.job(work.order.job)?.configuration.privacy?.mechanism == .local
        }.values.reduce(0) { $0 + $1.count }
        let charges = try LedgerFile.chargeCount(at: directory.ledgerFile)
        if charges < releases { violate("'\(client)' has released \(releases) noised updates and charged \(charges).") }
    }
}
