import LinearAlgebra
import TestSupport
import Testing

@Suite(.tags(.numerics))
struct ElementFormatTests {
    /// Swift's own `Float16` is the independent reference.
    @Test("reads every one of the 65,536 half-precision values as Swift does")
    func everyBinary16() {
        let patterns = (0...UInt16.max).map(\.self)
        let numbers = ElementFormat.binary16.decode(patterns.span.bytes)
        for (pattern, number) in zip(patterns, numbers) {
            let expected = Float(Float16(bitPattern: pattern))
            #expect(number.bitPattern == expected.bitPattern || (number.isNaN && expected.isNaN))
        }
        let back = ElementFormat.binary16.encode(numbers.span)
        for (index, pattern) in patterns.enumerated() where !Float16(bitPattern: pattern).isNaN {
            #expect(UInt16(back[2 * index]) | UInt16(back[2 * index + 1]) << 8 == pattern)
        }
    }

    @Test("rounds to half precision as Swift does, at ties, subnormals and overflow")
    func roundsToBinary16() {
        var numbers: [Float] = [
            0, -0.0, 65504, 65519.996, 65520, .infinity, -.infinity, 0x1p-24, 0x1p-25, 0x1.000002p-25,
        ]
        var generator = CounterGenerator(seed: 1)
        numbers += (0..<100_000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())) }
        // Halfway between two neighbours, at every exponent of half precision.
        numbers += (-26...16).flatMap { exponent in
            (0..<64).map { Float(sign: .plus, exponent: exponent, significand: 1 + (Float($0) + 0.5) / 1024) }
        }
        let bytes = ElementFormat.binary16.encode(numbers.span)
        for (index, number) in numbers.enumerated() {
            let found = Float16(bitPattern: UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8)
            let expected = Float16(number)
            #expect(found.bitPattern == expected.bitPattern || (found.isNaN && expected.isNaN), "\(number)")
        }
    }

    struct BFloat16Case: Sendable, CustomTestStringConvertible {
        let number: Float
        let pattern: UInt16
        var testDescription: String { "\(number)" }
    }

    @Test(
        "rounds to bfloat16 to nearest, ties to even",
        arguments: [
            BFloat16Case(number: 1, pattern: 0x3F80),
            BFloat16Case(number: Float(bitPattern: 0x3F80_8000), pattern: 0x3F80),
            BFloat16Case(number: Float(bitPattern: 0x3F81_8000), pattern: 0x3F82),
            BFloat16Case(number: Float(bitPattern: 0x3F80_8001), pattern: 0x3F81),
            BFloat16Case(number: .greatestFiniteMagnitude, pattern: 0x7F80),
            BFloat16Case(number: -.infinity, pattern: 0xFF80),
            BFloat16Case(number: -0.0, pattern: 0x8000),
            BFloat16Case(number: Float(bitPattern: 0x7F80_0001), pattern: 0x7FC0),
        ]
    )
    func roundsToBFloat16(_ test: BFloat16Case) {
        let bytes = ElementFormat.bfloat16.encode([test.number].span)
        #expect(UInt16(bytes[0]) | UInt16(bytes[1]) << 8 == test.pattern)
    }

    @Test("reads bytes at odd addresses and writes back what it read", arguments: ElementFormat.allCases)
    func oddAddresses(_ format: ElementFormat) {
        let numbers: [Float] = [1, -2.5, 0.09375, 65504, -0x1p-14, 0].flatMap { [$0, -$0] }
            .map { format == .bfloat16 ? Float(bitPattern: $0.bitPattern & 0xFFFF_0000) : $0 }
        let bytes: [UInt8] = [0xAA] + format.encode(numbers.span)
        #expect(format.decode(bytes.span.bytes.extracting(1...)) == numbers)
    }

    @Test("rounds a double to the nearest float")
    func roundsBinary64() {
        let values: [Double] = [0.1, 1e300, -1e-300, 1.0 / 3]
        #expect(ElementFormat.binary64.decode(values.span.bytes) == values.map(Float.init))
    }
}
