import Adapters
import DifferentialPrivacy

extension ClientWork {
    /// What may leave the silo of a training.
    struct Release {
        let adapter: LoRAAdapter
        let exampleCount: Int
        let metrics: [String: Double]
    }

    /// Returns what may leave the silo of a trained adapter, noised where the order says so, and charged to the silo's book.
    ///
    /// Where an example or the whole silo is to be hidden, figures that follow from the data stay here, too: a loss is as
    /// much a result as an adapter.
    ///
    /// - Parameters:
    ///   - trained: What the training left.
    ///   - started: What it started from.
    ///   - outcome: What the trainer says.
    /// - Returns: What to send.
    /// - Throws: ``OrderRefusal/privacy(reason:)`` when the silo's limit does not cover it, or δ hides nobody among so few, and
    ///   ``FederatedLearningError/unusableOutcome(reason:)`` when the trainer did not add the noise that was ordered.
    func release(
        of trained: LoRAAdapter,
        after started: StartedWork,
        outcome: TrainingOutcome
    ) async throws -> Release {
        let order = started.order
        guard let privacy = order.assignment.privacy, !privacy.isCentral else {
            return Release(adapter: trained, exampleCount: outcome.exampleCount, metrics: outcome.metrics)
        }
        let figures = outcome.metrics.filter { Self.figuresOfEffort(privacy.mechanism).contains($0.key) }
        if privacy.mechanism == .local {
            let scope = order.assignment.rules.scope
            let noised: [[Float]]
            do throws(PrivacyError) {
                noised = try LocalPrivacy(
                    clippingNorm: privacy.clippingNorm,
                    noiseMultiplier: privacy.noiseMultiplier,
                    key: noiseKey(order.id)
                ).noised(StoredAdapter(trained).change(since: started.handed, scope))
            } catch {
                throw FederatedLearningError.unusableOutcome(reason: error.description)
            }
            let charge = PrivacySettings.chargeOfLocalNoise(multiplier: privacy.noiseMultiplier)
            _ = try await book.charge(charge, for: order)
            // Everybody counts alike: how much data a silo has is a part of what is hidden.
            return Release(adapter: started.handed.adding(noised, scope), exampleCount: 1, metrics: figures)
        }
        guard let steps = outcome.noisedSteps, steps.noiseMultiplier >= privacy.noiseMultiplier else {
            throw FederatedLearningError.unusableOutcome(
                reason: """
                    the job asks for example-level privacy, and its trainer did not add that noise. Use the native trainer, \
                    or one that does.
                    """
            )
        }
        guard privacy.delta * Double(outcome.exampleCount) < 1 else {
            throw OrderRefusal.privacy(
                reason: """
                    δ = \(privacy.delta) lets the job give away one of this silo's examples altogether. It takes a \
                    `privacy.delta` far below one in their number.
                    """
            )
        }
        let standing = try await book.charge(steps, for: order)
        return Release(
            adapter: trained,
            exampleCount: outcome.exampleCount,
            metrics: figures.merging(standing.figures) { $1 }
        )
    }

    /// Returns what may be told of an order's training while it goes on.
    ///
    /// Losses follow from the data, and stay here where the data is to be hidden from the server. So does the number of steps:
    /// where that of the examples is hidden, too, nothing is told.
    func tellable(
        _ progress: @escaping @Sendable (TrainingProgress) -> Void,
        of order: WorkOrder
    ) -> @Sendable (TrainingProgress) -> Void {
        guard let privacy = order.assignment.privacy, !privacy.isCentral else { return progress }
        guard privacy.mechanism != .local else { return { _ in } }
        return { progress(TrainingProgress(step: $0.step, stepCount: $0.stepCount, loss: 0)) }
    }

    /// Figures that say how much was computed, and of the data at most how much there is.
    ///
    /// The number of steps tells the number of examples, which `local` hides.
    private static func figuresOfEffort(_ mechanism: PrivacySettings.Mechanism) -> Set<String> {
        mechanism == .local ? ["seconds"] : ["seconds", "steps"]
    }
}
