import LinearAlgebra
private import Synchronization

/// The frozen matrix that gives each token of the vocabulary its logit; mostly the embedding itself.
///
/// It is by far the longest matrix of a small model. Products go through it slice by slice, each short enough for the
/// processor's caches; a row of a product has the same bits among any others (``LinearAlgebra/PackedMatrix``).
final class VocabularyProjection: Sendable {
    /// vocabulary×width.
    private let weight: ModelWeight
    let vocabularySize: Int
    let width: Int
    /// For each slice its transpose, width×slice.
    private let forward = Mutex<[PackedMatrix]>([])
    /// For each slice as it is, slice×width.
    private let back = Mutex<[PackedMatrix]>([])

    /// How many tokens a slice has.
    private static let sliceHeight = 2048

    init(_ weight: ModelWeight, vocabularySize: Int, width: Int) {
        self.weight = weight
        self.vocabularySize = vocabularySize
        self.width = width
    }

    /// logits ← x·Wᵀ.
    func apply(to x: Span<Float>, rows: Int, into logits: inout MutableSpan<Float>) {
        guard rows > 0 else { return }
        for (slice, first) in zip(slices(.transposed, in: forward), starts) {
            let last = (rows - 1) * vocabularySize + first + slice.columns
            logits.withElements(in: first..<last) { logits in
                slice.multiply(x, m: rows, into: &logits, strides: (x: width, y: vocabularySize))
            }
        }
    }

    /// The way back: x' ← logits'·W.
    func propagate(_ logitsGradient: Span<Float>, rows: Int, into inputGradient: inout MutableSpan<Float>) {
        guard rows > 0 else { return }
        for (slice, first) in zip(slices(.stored, in: back), starts) {
            let last = (rows - 1) * vocabularySize + first + slice.rows
            slice.multiply(
                logitsGradient.extracting(first..<last),
                m: rows,
                into: &inputGradient,
                adding: first > 0,
                strides: (x: vocabularySize, y: width)
            )
        }
    }

    /// Where the slices begin.
    private var starts: StrideTo<Int> { stride(from: 0, to: vocabularySize, by: Self.sliceHeight) }

    /// Returns the slices in one layout, which is made when it is first needed.
    private func slices(_ orientation: Orientation, in prepared: borrowing Mutex<[PackedMatrix]>) -> [PackedMatrix] {
        prepared.withLock { prepared in
            if prepared.isEmpty {
                prepared = weight.withElements { weight in
                    starts.map { first in
                        let height = min(Self.sliceHeight, vocabularySize - first)
                        return PackedMatrix(
                            weight.extracting(first * width..<(first + height) * width),
                            orientation,
                            rows: orientation == .stored ? height : width,
                            columns: orientation == .stored ? width : height
                        )
                    }
                }
            }
            return prepared
        }
    }
}
