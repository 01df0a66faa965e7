import LinearAlgebra
import TestSupport
import Testing

@Suite("Steps of a grid", .tags(.numerics))
struct GridStepsTests {
    /// Values with their steps for a scale of 4.
    private static let values: [(value: Float, step: Int32)] = [
        (0, 0), (0.125, 0), (0.1251, 1), (0.375, 2), (-0.125, 0), (-0.375, -2), (-0.1251, -1), (10.25, 41),
        (0x1p22, 1 << 24), (0x1p100, 1 << 24), (-0x1p100, -1 << 24), (.infinity, 1 << 24), (-.infinity, -1 << 24),
        (.nan, -1 << 24), (.leastNonzeroMagnitude, 0), (-3, -12), (2.9, 12),
    ]

    private func steps(_ values: [Float], scale: Double, shrink: UInt32 = GridSteps.unshrunk) -> [Int32] {
        var steps = [Int32](repeating: 77, count: values.count)
        var span = steps.mutableSpan
        GridSteps.write(values.span, scale: scale, shrink: shrink, to: &span)
        return steps
    }

    @Test("are the nearest integers, ties to even, within ±2²⁴")
    func rounding() {
        #expect(steps(Self.values.map(\.value), scale: 4) == Self.values.map(\.step))
        // Every remainder of the vector width, against the standard library's rounding.
        var generator = CounterGenerator(seed: 1)
        for count in 0..<70 {
            let values = (0..<count).map { _ in Float(1e4 * generator.gaussian()) }
            let expected = values.map { Int32((Double($0) * 0.37).rounded(.toNearestOrEven)) }
            #expect(steps(values, scale: 0.37) == expected)
            #expect(
                GridSteps.sumOfSquares(values.span, scale: 0.37)
                    == expected.reduce(0) { $0 + UInt64(Int64($1) * Int64($1)) }
            )
        }
    }

    @Test("do not overflow in the longest sum of squares")
    func longestSum() {
        let values = [Float](repeating: 1e30, count: GridSteps.pieceLength)
        #expect(GridSteps.sumOfSquares(values.span, scale: 1) == 1 << 62)
    }

    @Test("are shrunk towards zero")
    func shrinking() {
        #expect(steps([7, -7, 8, 1, -1, 0], scale: 1, shrink: GridSteps.unshrunk / 2) == [3, -3, 4, 0, 0, 0])
        #expect(steps([7, -7, 0x1p24], scale: 1, shrink: GridSteps.unshrunk - 1) == [6, -6, 1 << 24 - 1])
        #expect(steps([7, -7, 0x1p24], scale: 1, shrink: 0) == [0, 0, 0])
        var sums: [Int64] = [1, 1, 1]
        var span = sums.mutableSpan
        let given: [Int32] = [.min, .max, -5]
        GridSteps.add(given.span, shrink: GridSteps.unshrunk / 4, to: &span)
        #expect(sums == [1 - 1 << 29, 1 << 29, 0])
    }

    @Test("add up, and become numbers again")
    func sums() {
        var sums: [Int64] = [1 << 40, 0, -3]
        var span = sums.mutableSpan
        let values: [Float] = [1.5, -2, 0.25]
        GridSteps.add(values.span, scale: 4, shrink: GridSteps.unshrunk, to: &span)
        #expect(sums == [1 << 40 + 6, -8, -2])
        var numbers: [Float] = [0, 0, 0]
        var target = numbers.mutableSpan
        GridSteps.decode(sums.span, unit: 0x1p-10, to: &target)
        #expect(numbers == [Float(Double(1 << 40 + 6) * 0x1p-10), -0x1p-7, -0x1p-9])
    }

    @Test("are worked on in pieces that cover everything once", arguments: [0, 1, 7, 8, 9, 1_000], 1...3)
    func pieces(count: Int, threads: Int) {
        var elements = [Int](repeating: 0, count: count)
        Concurrency.forEachPiece(of: &elements, length: 8, threads: threads) { range, piece in
            for index in 0..<piece.count { piece[index] += range.lowerBound + index + 1 }
        }
        #expect(elements == Array(0..<count).map { $0 + 1 })
    }

    @Test("are drawn from words that bytes hold in little-endian order")
    func words() {
        let bytes: [UInt8] = [9, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF, 0, 0, 0, 0, 0, 0, 0x80]
        #expect(
            bytes.span.bytes.extracting(1..<17).littleEndianWords() == [0x0807_0605_0403_0201, 0x8000_0000_0000_00FF]
        )
        #expect(bytes.span.bytes.extracting(0..<0).littleEndianWords() == [])
    }
}
