package import Adapters
private import Foundation
import LinearAlgebra

/// The singular values of ΔW = s·BA, by which one sees how many directions an adapter uses.
package struct LayerSpectrum: Sendable, Hashable {
    /// σ₁ ≥ σ₂ ≥ …, at most as many as the rank.
    package let singularValues: [Double]

    /// Measures a layer; ΔW is never formed.
    ///
    /// - Throws: ``AdapterToolsError/factorizationFailed(layer:reason:)`` when a factor is not finite.
    /// - Complexity: O((out + in)·r²).
    package init(of module: LoRAModule, at path: String) throws(AdapterToolsError) {
        let plain = module.withoutCore
        let rank = min(plain.rank, plain.inputWidth, plain.outputWidth)
        let product = FactoredSum(of: plain)
        do {
            self.singularValues = try rank > 0 ? product.truncatedSVD(rank: rank).singularValues : []
        } catch {
            throw .factorizationFailed(layer: path, reason: error.description)
        }
    }

    /// σⱼ/Σσ, or `nil` where nothing is changed.
    package var shares: [Double]? {
        let sum = singularValues.reduce(0, +)
        return sum > 0 ? singularValues.map { $0 / sum } : nil
    }

    /// ‖ΔW‖_F.
    package var norm: Double { singularValues.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// exp of the entropy of σⱼ/Σσ (Roy & Vetterli, EUSIPCO 2007); `nil` where nothing is changed.
    package var effectiveRank: Double? {
        shares.map { exp($0.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }) }
    }
}

extension FactoredSum {
    /// s·BA of one layer.
    init(of module: LoRAModule) {
        self.init(rows: module.outputWidth, columns: module.inputWidth)
        add(module.b, module.a, coefficient: module.scaling)
    }
}
