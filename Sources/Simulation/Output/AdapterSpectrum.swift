import Adapters
private import Foundation
import LinearAlgebra

/// How an adapter's change of the model is spread over directions.
package struct AdapterSpectrum: Sendable, Hashable, Codable {
    /// σⱼ/Σσ of ΔW = s·BA, descending, averaged over the layers; empty where nothing is changed yet.
    package var values: [Double] = []
    /// exp of the entropy of σⱼ/Σσ, averaged over the layers (Roy & Vetterli, EUSIPCO 2007).
    package var effectiveRank: Double?

    package init() {}
}

extension AdapterSpectrum {
    /// Measures the layers of `adapter`.
    ///
    /// - Complexity: O((out + in)·r²) a layer: ΔW is never formed.
    init(of adapter: LoRAAdapter) {
        var (sum, entropySum, count) = ([Double](), 0.0, 0)
        for (_, module) in adapter.modules.sorted(by: { $0.key < $1.key }) {
            guard let values = Self.normalizedValues(of: module) else { continue }
            sum += [Double](repeating: 0, count: max(values.count - sum.count, 0))
            for (place, value) in values.enumerated() { sum[place] += value }
            entropySum += exp(values.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 })
            count += 1
        }
        guard count > 0 else { return }
        values = sum.map { $0 / Double(count) }
        effectiveRank = entropySum / Double(count)
    }

    private static func normalizedValues(of module: LoRAModule) -> [Double]? {
        let plain = module.withoutCore
        let rank = min(plain.rank, plain.inputWidth, plain.outputWidth)
        var product = FactoredSum(rows: plain.outputWidth, columns: plain.inputWidth)
        product.add(plain.b, plain.a)
        guard let values = try? product.truncatedSVD(rank: rank).singularValues else { return nil }
        let sum = values.reduce(0, +)
        return sum > 0 ? values.map { $0 / sum } : nil
    }
}
