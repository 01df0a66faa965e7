import Aggregation
import Coordinator
import FederatedLearning

/// The shipped cohort of a server, and, where a bug is planted at this seam, a mistake in what is told.
struct ObservedCohort: CohortBackend {
    let base: LiveCohortBackend
    let federation: SimulatedFederation

    private var bug: PlantedBug? { federation.bug }

    func presentClients() async -> [ClientProfile] { await base.presentClients() }

    func events() async -> AsyncStream<CohortEvent> {
        let events = await base.events()
        switch bug {
        case .answersEarly, .countsTwice, .countsLate, .losesOffers: break
        default: return events
        }
        let (stream, continuation) = AsyncStream.makeStream(of: CohortEvent.self)
        _ = Task.detached {
            for await event in events { for changed in await change(event) { continuation.yield(changed) } }
            continuation.finish()
        }
        return stream
    }

    private func change(_ event: CohortEvent) async -> [CohortEvent] {
        guard case .offered(let offer) = event else { return [event] }
        switch bug {
        case .answersEarly:
            await base.answer(offer, with: .accepted)
            return [event]
        case .countsTwice where federation.isEvery(13):
            return [event, .offered(offer.of(federation.neighbour(of: offer.client)))]
        case .countsLate:
            // As if an offer that comes again in the next round were taken for one of that round.
            let former = federation.formerOffer
            guard let former, former.order.job == offer.order.job else {
                federation.formerOffer = offer
                return [event]
            }
            guard former.order.round < offer.order.round else { return [event] }
            federation.formerOffer = offer
            return [.offered(former.of(former.client, round: offer.order.round)), event]
        case .losesOffers:
            return federation.isEvery(10) ? [] : [event]
        default:
            return [event]
        }
    }

    func send(_ order: WorkOrder, to client: ClientID) async {
        if bug == .losesOrders, federation.isEvery(5) { return }
        await base.send(order, to: client)
    }

    func withdraw(_ order: WorkOrder.ID, from client: ClientID, reason: String) async {
        await base.withdraw(order, from: client, reason: reason)
    }

    func answer(_ offer: UpdateOffer, with verdict: UpdateVerdict) async {
        switch (bug, verdict) {
        case (.losesVerdicts, _) where federation.isEvery(5): return
        case (.acceptsRejected, .rejected): await base.answer(offer, with: .accepted)
        case (.rejectsAccepted, .accepted) where federation.isEvery(8):
            await base.answer(offer, with: .rejected(reason: "Planted."))
        default: await base.answer(offer, with: verdict)
        }
    }

    func confirm(_ evaluation: WorkOrder.ID, to client: ClientID) async {
        await base.confirm(evaluation, to: client)
    }
}
