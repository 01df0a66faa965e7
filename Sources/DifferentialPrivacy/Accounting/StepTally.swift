/// The steps that an accountant was told of, those of one kind counted together.
///
/// A ledger adds one step a round; what is the same each time is thus computed once.
struct StepTally: Sendable, Hashable {
    /// One entry for each noise multiplier and sampling, in the order in which they came.
    private(set) var entries: [NoisedSteps] = []

    /// Counts steps.
    ///
    /// - Parameter steps: What was done; sampling at a rate of 1 counts as everyone.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when a parameter is out of its range, or the number of
    ///   steps is more than can be counted.
    mutating func add(_ steps: NoisedSteps) throws(PrivacyError) {
        try steps.validate()
        guard steps.count > 0 else { return }
        var steps = steps
        if steps.sampling.rate == 1 { steps.sampling = .everyone }
        let place = entries.firstIndex {
            $0.noiseMultiplier == steps.noiseMultiplier && $0.sampling == steps.sampling
        }
        guard let place else {
            entries.append(steps)
            return
        }
        let (count, overflows) = entries[place].count.addingReportingOverflow(steps.count)
        guard !overflows else {
            throw .parameter(name: "count", value: Double(steps.count), range: "fewer steps")
        }
        entries[place].count = count
    }

    /// 1/z² of the one Gaussian release that tells as much as all steps in which everyone takes part.
    ///
    /// The likelihood ratio of Gaussian releases depends on their precision-weighted sum alone, also where later ones are
    /// chosen by earlier results (Dong, Roth & Su, Corollary 3.3).
    var precisionWithEveryone: Double {
        entries.reduce(0) { sum, steps in
            guard steps.sampling == .everyone else { return sum }
            return sum + Double(steps.count) / steps.noiseMultiplier / steps.noiseMultiplier
        }
    }

    /// The entries in which participants are sampled.
    var sampledEntries: [NoisedSteps] { entries.filter { $0.sampling != .everyone } }
}
