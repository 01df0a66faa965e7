internal import Aggregation

/// The section that says how privacy is protected.
extension JobFile {
    static func privacy(of job: JobFileSection<JobKey>) throws(JobFileError) -> PrivacySettings? {
        guard let section = try section(.privacy, of: job, keys: PrivacyKey.self) else { return nil }
        let name = try section.required(.mechanism, section.text(.mechanism, atMost: 64))
        guard name != "none" else {
            for key in PrivacyKey.allCases where key != .mechanism && section.has(key) {
                throw .contradiction(
                    section.place(key),
                    problem: "has no effect with `mechanism: none`",
                    remedy: "Remove it."
                )
            }
            return nil
        }
        guard let mechanism = PrivacySettings.Mechanism(rawValue: name) else {
            let known = ["none"] + PrivacySettings.Mechanism.allCases.map(\.rawValue)
            throw .unknownValue(
                section.place(.mechanism),
                found: name,
                nearest: NearestName.of(name, among: known),
                known: known
            )
        }
        let positive = "a finite number above 0"
        return PrivacySettings(
            mechanism: mechanism,
            clippingNorm: try section.required(
                .clippingNorm,
                section.number(.clippingNorm, allowed: "a number above 0 and at most 1000000") { $0 > 0 && $0 <= 1e6 }
            ),
            noiseMultiplier: try section.required(
                .noiseMultiplier,
                section.number(.noiseMultiplier, allowed: "a number from 0.01 to 1000000") { (0.01...1e6).contains($0) }
            ),
            delta: try section.required(
                .delta,
                section.number(
                    .delta,
                    allowed: "a number above 0 and below 1, best far below 1 in the number protected"
                ) {
                    $0 > 0 && $0 < 1
                }
            ),
            epsilonBudget: try section.number(.epsilonBudget, allowed: positive) { $0 > 0 },
            sampling: try section.choice(.sampling, of: PrivacySettings.Sampling.self) ?? .fixed,
            accountant: try section.choice(.accountant, of: PrivacySettings.Accountant.self) ?? .lossDistribution,
            adaptiveClipping: try adaptiveClipping(of: section),
            minimumSeparation: try section.integer(.minimumSeparation, in: 0...100_000) ?? 0
        )
    }

    private static func adaptiveClipping(
        of section: JobFileSection<PrivacyKey>
    ) throws(JobFileError) -> PrivacySettings.AdaptiveClipping? {
        let quantile = try section.number(.targetQuantile, allowed: "a number above 0 and below 1") { $0 > 0 && $0 < 1 }
        let rate = try section.number(.clippingLearningRate, allowed: "a number above 0 and at most 10") {
            $0 > 0 && $0 <= 10
        }
        guard let quantile else {
            guard rate == nil else {
                throw .contradiction(
                    section.place(.clippingLearningRate),
                    problem: "has no effect without `target_quantile`",
                    remedy: "Write `target_quantile: 0.5`, or remove it."
                )
            }
            return nil
        }
        return .init(quantile: quantile, learningRate: rate ?? PrivacySettings.AdaptiveClipping().learningRate)
    }
}
