import Adapters
import Aggregation
import FederatedLearning
import TestSupport
import Testing

struct UpdateIntakeTests {
    private func offer(
        byteCount: Int = 1000,
        rank: Int = 4,
        alpha: Double = 8,
        usesRankStabilizedScaling: Bool = false,
        exampleCount: Int = 10
    ) -> UpdateOffer {
        UpdateOffer(
            client: "a",
            order: .init(job: .sample, round: 1, kind: .train),
            adapter: reference(byteCount, rank, alpha, usesRankStabilizedScaling),
            exampleCount: exampleCount,
            metrics: [:]
        )
    }

    private func reference(
        _ byteCount: Int = 1000,
        _ rank: Int = 4,
        _ alpha: Double = 8,
        _ usesRankStabilizedScaling: Bool = false
    ) -> AdapterReference {
        AdapterReference(
            digest: .sampleModel,
            byteCount: byteCount,
            rank: rank,
            alpha: alpha,
            usesRankStabilizedScaling: usesRankStabilizedScaling
        )
    }

    private func rejection(of offer: UpdateOffer, limit: Int = 100) -> UpdateRejection? {
        do {
            try UpdateIntake.check(offer, against: reference(), exampleLimit: limit)
            return nil
        } catch {
            return error
        }
    }

    @Test("lets pass what was ordered")
    func fitting() {
        #expect(rejection(of: offer()) == nil)
        #expect(rejection(of: offer(byteCount: 1000 + UpdateIntake.byteAllowance)) == nil)
        #expect(rejection(of: offer(byteCount: 1)) == nil)
        #expect(rejection(of: offer(exampleCount: 1)) == nil)
        #expect(rejection(of: offer(exampleCount: 100)) == nil)
    }

    @Test("rejects statements that differ from the order, with both values")
    func unfitting() {
        #expect(rejection(of: offer(rank: 5)) == .rank(expected: 4, found: 5))
        #expect(rejection(of: offer(rank: .max)) == .rank(expected: 4, found: .max))
        #expect(rejection(of: offer(alpha: 8.5)) == .alpha(expected: 8, found: 8.5))
        #expect(rejection(of: offer(usesRankStabilizedScaling: true)) == .scaling(expectedRankStabilized: false))
        let limit = 1000 + UpdateIntake.byteAllowance
        for bytes in [limit + 1, .max, 0, -1, .min] {
            #expect(rejection(of: offer(byteCount: bytes)) == .tooLarge(bytes: bytes, limit: limit))
        }
        for count in [0, -1, 101, .max, .min] {
            #expect(rejection(of: offer(exampleCount: count)) == .exampleCount(count, limit: 100))
        }
        guard case .alpha(8, let found)? = rejection(of: offer(alpha: .nan)) else {
            Issue.record("an alpha that is no number was taken")
            return
        }
        #expect(found.isNaN)
    }

    @Test("checks tensors against the rank that the client was handed")
    func tensors() throws {
        let round = RunState.OpenRound(
            number: 1,
            cohort: [
                CohortMember(client: "a", adapter: reference()),
                CohortMember(client: "b", adapter: reference(1000, 2)),
            ]
        )
        let intake = UpdateIntake(round: round, global: .sample(rank: 8), exampleLimit: 100)
        try intake.check(offer())
        try intake.check(.sample(rank: 4, fillsB: true), of: offer())
        #expect(throws: UpdateRejection.self) { try intake.check(.sample(rank: 2), of: offer()) }
        #expect(throws: UpdateRejection.self) { try intake.check(.sample(rank: 4, alpha: 4), of: offer()) }
        let stranger = UpdateOffer.sample("z", round: 1)
        #expect(throws: UpdateRejection.notInCohort("z", round: 1)) { try intake.check(stranger) }
    }

    @Test("gives every rejection as a sentence that says what to do")
    func sentences() {
        let id = WorkOrder.ID(job: .sample, round: 2, kind: .train)
        let rejections: [UpdateRejection] = [
            .noRoundOpen, .otherOrder(offered: id, open: id), .roundOver(round: 1), .notInCohort("a", round: 1),
            .differsFromAccepted(.sampleModel), .beingChecked(.sampleModel), .rejectedBefore(reason: "x."),
            .rank(expected: 1, found: 2),
            .alpha(expected: 1, found: 2), .scaling(expectedRankStabilized: true), .tooLarge(bytes: 2, limit: 1),
            .exampleCount(0, limit: 1),
        ]
        #expect(Set(rejections.map(\.description)).count == rejections.count)
        for rejection in rejections {
            #expect(rejection.description.contains(". ") && rejection.description.hasSuffix("."))
        }
    }
}
