/// Which factors of a layer clients train, and send, in a round; the others are frozen.
package enum TrainedFactors: String, Sendable, Hashable, Codable, CaseIterable {
    /// A and B, as in plain LoRA.
    case both
    /// A alone, r×in.
    case a
    /// B alone, out×r.
    case b
    /// R alone, r×r, between frozen B and A.
    case core

    package var includesA: Bool { self == .both || self == .a }
    package var includesB: Bool { self == .both || self == .b }
    package var includesCore: Bool { self == .core }
}
