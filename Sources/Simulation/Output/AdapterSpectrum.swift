import AdapterTools
import Adapters

/// How an adapter's change of the model is spread over directions.
package struct AdapterSpectrum: Sendable, Hashable, Codable {
    /// σⱼ/Σσ of ΔW = s·BA, descending, averaged over the layers; empty where nothing is changed yet.
    package var values: [Double] = []
    /// exp of the entropy of σⱼ/Σσ, averaged over the layers (Roy & Vetterli, EUSIPCO 2007).
    package var effectiveRank: Double?

    package init() {}
}

extension AdapterSpectrum {
    /// Measures the layers of `adapter`; those that cannot be measured are left out.
    ///
    /// - Complexity: O((out + in)·r²) a layer: ΔW is never formed.
    init(of adapter: LoRAAdapter) {
        var (sum, rankSum, count) = ([Double](), 0.0, 0)
        for (path, module) in adapter.modules.sorted(by: { $0.key < $1.key }) {
            guard let spectrum = try? LayerSpectrum(of: module, at: path), let shares = spectrum.shares,
                let effectiveRank = spectrum.effectiveRank
            else { continue }
            sum += [Double](repeating: 0, count: max(shares.count - sum.count, 0))
            for (place, share) in shares.enumerated() { sum[place] += share }
            rankSum += effectiveRank
            count += 1
        }
        guard count > 0 else { return }
        values = sum.map { $0 / Double(count) }
        effectiveRank = rankSum / Double(count)
    }
}
