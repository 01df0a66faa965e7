import Foundation
import Testing

@testable import DifferentialPrivacy

@Suite("Numerics of accounting")
struct NumericsTests {
    @Test("tails of the normal distribution, near and far")
    func tails() {
        // SciPy's special.log_ndtr(-x).
        let expected: [(x: Double, logarithm: Double)] = [
            (0, -0.6931471805599453), (1, -1.8410216450092634), (10, -53.23128515051248),
            (36, -652.5032275937986), (100, -5005.524208694205), (1e4, -50_000_010.12927892),
        ]
        for (x, logarithm) in expected {
            #expect(abs(NormalTail.logAbove(x) - logarithm) < 1e-13 * abs(logarithm))
        }
        #expect(abs(NormalTail.logErfc(25) - NormalTail.logErfc(25.0.nextUp)) < 1e-10)
        #expect(NormalTail.between(-1, 1) == NormalTail.below(1) - NormalTail.below(-1))
        #expect(NormalTail.between(1, -1) == 0 && NormalTail.above(-.infinity) == 1)
        #expect(NormalTail.above(NormalTail.quantile(logMass: log(1e-9))) <= 1e-9)
    }

    @Test("a transform is that of the definition, and its inverse undoes it")
    func transform() {
        for count in [1, 2, 8, 64] {
            let numbers = (0..<count).map { (sin(Double($0 * $0)), cos(3 * Double($0))) }
            var (real, imaginary) = (numbers.map(\.0), numbers.map(\.1))
            let transform = FourierTransform(count: count)
            transform.apply(real: &real, imaginary: &imaginary)
            for k in 0..<count {
                var (x, y) = (0.0, 0.0)
                for j in 0..<count {
                    let angle = -2 * Double.pi * Double(j * k % count) / Double(count)
                    x += numbers[j].0 * cos(angle) - numbers[j].1 * sin(angle)
                    y += numbers[j].0 * sin(angle) + numbers[j].1 * cos(angle)
                }
                #expect(abs(real[k] - x) < 1e-12 && abs(imaginary[k] - y) < 1e-12)
            }
            transform.apply(real: &imaginary, imaginary: &real)
            for (place, number) in numbers.enumerated() {
                #expect(abs(real[place] / Double(count) - number.0) < 1e-14)
                #expect(abs(imaginary[place] / Double(count) - number.1) < 1e-14)
            }
        }
    }

    @Test("powers, sums of exponentials, and searches")
    func smallParts() {
        let power = ComplexNumber(0.6, 0.8).power(5)
        let angle = 5 * atan2(0.8, 0.6)
        #expect(abs(power.real - cos(angle)) < 1e-15 && abs(power.imaginary - sin(angle)) < 1e-15)
        #expect(ComplexNumber(2, 3).power(0) == ComplexNumber(1, 0))

        var sum = LogSum()
        #expect(sum.value == -.infinity)
        for term: Double in [-800, -.infinity, -801] { sum.add(term) }
        #expect(abs(sum.value - (-800 + log1p(exp(-1)))) < 1e-12)
        sum.add(.infinity)
        #expect(sum.value == .infinity)

        let (place, value) = ScalarSearch.minimum(of: { ($0 - 2) * ($0 - 2) + 1 }, from: -5, to: 9)
        #expect(abs(place - 2) < 1e-5 && abs(value - 1) < 1e-9)
        let root = ScalarSearch.smallest(where: { $0 * $0 >= 2 }, from: 0, to: 8, relativeError: 1e-14)
        #expect(root * root >= 2 && abs(root - 2.0.squareRoot()) < 1e-13)
    }
}
