import DifferentialPrivacy
import LinearAlgebra

extension NoiseKey {
    /// A key that is the same in every run.
    static func fixed(_ number: UInt8 = 0) throws -> NoiseKey {
        guard let key = NoiseKey(bytes: (0..<32).map { $0 &+ 17 &* number }) else { throw FixtureError.key }
        return key
    }
}

enum FixtureError: Error { case key }

extension CounterGenerator {
    /// Normal deviates, times `scale`.
    mutating func vector(_ count: Int, scale: Double = 1) -> [Float] {
        (0..<count).map { _ in Float(scale * gaussian()) }
    }
}

func norm(_ values: some Sequence<Float>) -> Double {
    values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
}
