/// How large a header may be before it is read.
///
/// What a header costs in memory and time follows from its length and its number of tensors, so these two bounds are
/// what a hostile file can cost.
package struct SafetensorsLimits: Sendable, Hashable {
    /// How long the header may be, in bytes.
    package var headerByteCount: Int
    package var tensorCount: Int
    package var dimensionCount: Int
    /// How many notes there may be under `__metadata__`.
    package var noteCount: Int

    package init(headerByteCount: Int, tensorCount: Int, dimensionCount: Int = 32, noteCount: Int = 10_000) {
        self.headerByteCount = headerByteCount
        self.tensorCount = tensorCount
        self.dimensionCount = dimensionCount
        self.noteCount = noteCount
    }

    /// The format's own limit, for files that their user chose.
    package static let file = SafetensorsLimits(headerByteCount: 100_000_000, tensorCount: 1_000_000)

    /// Enough for an adapter of every linear layer of the largest open models; what peers may send.
    ///
    /// 126 layers of seven matrices have 1,764 factors, and twice as many with what is folded in, or with control variates. The
    /// header of a hostile file is 2 MiB long at most.
    package static let payload = SafetensorsLimits.payload(tensorCount: 8192)

    /// Enough for a payload of so many tensors: where it is known what has to come, nothing else may cost more.
    package static func payload(tensorCount: Int) -> SafetensorsLimits {
        SafetensorsLimits(
            // Paths of the deepest models take about 150 bytes with their numbers.
            headerByteCount: 1024 + 256 * tensorCount,
            tensorCount: tensorCount,
            dimensionCount: 8,
            noteCount: 16
        )
    }
}
