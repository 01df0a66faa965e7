/// How large the values of an adapter from outside may be.
///
/// Trained factors hold values around 10⁻⁴ to 1. The bounds lie far above that and far below where sums over clients,
/// squares in norms and Gram matrices leave the range of a float.
package struct ValueLimits: Sendable, Hashable {
    /// The largest magnitude of an element of a factor or saved tensor.
    package var largestElement: Float
    /// The largest magnitude that an element of s·BA can have, judged by the factors' largest elements.
    package var largestProduct: Double
    /// The largest share of elements that may be subnormal: arithmetic with them takes up to a hundred times as long.
    package var subnormalShare: Double

    package init(largestElement: Float = 1e6, largestProduct: Double = 1e9, subnormalShare: Double = 0.01) {
        self.largestElement = largestElement
        self.largestProduct = largestProduct
        self.subnormalShare = subnormalShare
    }

    /// Subnormal values that are let pass whatever their share: small tensors may hold a few by chance.
    private static let toleratedSubnormals = 16

    /// Returns the largest magnitude among `elements`.
    ///
    /// - Throws: ``AdapterError`` when it is above the limit or not finite, or when too many elements are subnormal.
    func largestMagnitude(
        of elements: Span<Float>,
        tensor: String,
        source: String
    ) throws(AdapterError) -> Float {
        var largest: Int32 = 0
        var subnormals = 0
        for start in stride(from: 0, to: elements.count, by: Self.blockCount) {
            let block = elements.extracting(start..<min(start + Self.blockCount, elements.count))
            let summary = Self.summary(of: block)
            largest = max(largest, summary.largest)
            subnormals += Int(summary.subnormals)
        }
        let value = Float(bitPattern: UInt32(bitPattern: largest))
        guard value.isFinite else { throw .notFinite(tensor: tensor, source: source) }
        guard value <= largestElement else {
            throw .valueTooLarge(tensor: tensor, value: value, limit: largestElement, source: source)
        }
        let tolerated = max(Self.toleratedSubnormals, Int(Double(elements.count) * subnormalShare))
        guard subnormals <= tolerated else {
            throw .subnormalValues(tensor: tensor, count: subnormals, of: elements.count, source: source)
        }
        return value
    }

    /// Few enough for 32-bit counters.
    private static let blockCount = 1 << 16

    /// Returns the bits of the largest magnitude, and how many elements are subnormal.
    ///
    /// The bits of magnitudes order as the magnitudes do, infinity and NaN last. Integers of one width without branches
    /// let the compiler take several elements at a time.
    private static func summary(of elements: Span<Float>) -> (largest: Int32, subnormals: Int32) {
        var largest: Int32 = 0
        var subnormals: Int32 = 0
        for index in elements.indices {
            let magnitude = Int32(truncatingIfNeeded: elements[index].bitPattern & 0x7FFF_FFFF)
            largest = max(largest, magnitude)
            subnormals &+= magnitude > 0 && magnitude < 0x0080_0000 ? 1 : 0
        }
        return (largest, subnormals)
    }
}
