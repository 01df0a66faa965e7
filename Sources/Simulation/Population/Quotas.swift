import LinearAlgebra

/// Deals kinds out to clients so that shares are met to the client.
enum Quotas {
    /// Returns for each client the kind that it is of.
    ///
    /// - Parameters:
    ///   - shares: How frequent each kind is, relative to one another.
    ///   - count: How many clients there are.
    ///   - generator: Decides who is of which kind.
    /// - Returns: One place in `shares` a client; each kind has ⌊share·n⌋ clients or one more (largest remainders).
    static func deal(_ shares: [Double], to count: Int, using generator: inout CounterGenerator) -> [UInt16] {
        precondition(!shares.isEmpty && shares.count <= Int(UInt16.max), "\(shares.count) kinds")
        let sum = shares.reduce(0, +)
        let wanted = shares.map { $0 / sum * Double(count) }
        var quotas = wanted.map { Int($0) }
        let byRemainder = shares.indices.sorted { left, right in
            let (first, second) = (wanted[left] - Double(quotas[left]), wanted[right] - Double(quotas[right]))
            return (second, left) < (first, right)
        }
        for kind in byRemainder.prefix(max(count - quotas.reduce(0, +), 0)) { quotas[kind] += 1 }
        var kinds: [UInt16] = []
        kinds.reserveCapacity(count)
        for (kind, quota) in quotas.enumerated() {
            kinds += [UInt16](repeating: UInt16(kind), count: min(quota, count - kinds.count))
        }
        return shares.count == 1 ? kinds : generator.shuffled(kinds)
    }
}
