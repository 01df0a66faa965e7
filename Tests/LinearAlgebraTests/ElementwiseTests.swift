import Foundation
import LinearAlgebra
import TestSupport
import Testing

/// Every pass against the same formula in 64-bit floats, at widths with and without a remainder of the vector width.
@Suite("Element-wise passes", .tags(.numerics))
struct ElementwiseTests {
    static let widths = [1, 7, 16, 25, 384]
    static let rows = 5

    /// Normal deviates; a stream a role, so that no two operands are equal.
    static func values(_ count: Int, stream: UInt64, scale: Double = 1) -> [Float] {
        var generator = CounterGenerator(seed: 11, stream: stream)
        return (0..<count).map { _ in Float(generator.gaussian() * scale) }
    }

    static func largestDifference(_ a: [Float], _ b: [Double]) -> Double {
        zip(a, b).map { abs(Double($0) - $1) }.max() ?? .infinity
    }

    // MARK: - Activations

    @Test("erf is within 1e-7 of the C library's, over all floats that matter")
    func errorFunction() {
        let x = (-60_000...60_000).map { Float($0) / 10_000 }
        var y = [Float](repeating: 0, count: x.count)
        var span = y.mutableSpan
        Elementwise.erf(x.span, into: &span)
        #expect(Self.largestDifference(y, x.map { erf(Double($0)) }) < 1e-7)
    }

    @Test("GELU and its derivative follow x·Φ(x)", arguments: widths)
    func gelu(width: Int) {
        let h = Self.values(Self.rows * width, stream: 1, scale: 3)
        let bias = Self.values(width, stream: 2)
        let x = h.indices.map { Double(h[$0] + bias[$0 % width]) }
        let expected = x.map { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) }
        let slopes = x.map {
            0.5 * erfc(-$0 / 2.0.squareRoot()) + $0 * exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot()
        }

        var forwardOnly = h
        var forwardSpan = forwardOnly.mutableSpan
        Elementwise.gelu(&forwardSpan, bias: bias.span)
        var derivative = h
        var g = [Float](repeating: .nan, count: h.count)
        var derivativeSpan = derivative.mutableSpan
        var gSpan = g.mutableSpan
        Elementwise.gelu(replacingWithDerivative: &derivativeSpan, bias: bias.span, into: &gSpan)

        // |x| reaches 12, where half a unit in the last place is 5e-7.
        #expect(Self.largestDifference(g, expected) < 6e-7)
        #expect(g == forwardOnly)
        #expect(Self.largestDifference(derivative, slopes) < 5e-7)
    }

    @Test("A broken number stays visible through every pass")
    func notANumber() {
        var x: [Float] = [1, .nan, 2, 3]
        var span = x.mutableSpan
        Elementwise.gelu(&span, bias: [0, 0, 0, 0].span)
        #expect(x[1].isNaN && !x[0].isNaN)
        var p: [Float] = [1, .nan, 2, 3]
        var probabilities = p.mutableSpan
        Elementwise.softmax(&probabilities, width: 4)
        #expect(p.allSatisfy { $0.isNaN })
    }

    @Test("tanh and the way back through it")
    func hyperbolicTangent() {
        var y = Self.values(30, stream: 3)
        let x = y
        let bias = Self.values(10, stream: 4)
        var span = y.mutableSpan
        Elementwise.tanh(&span, bias: bias.span)
        #expect(Self.largestDifference(y, x.indices.map { tanh(Double(x[$0] + bias[$0 % 10])) }) < 2e-7)
        var gradient = Self.values(30, stream: 5)
        let before = gradient
        var gradientSpan = gradient.mutableSpan
        Elementwise.multiplyByTanhDerivative(&gradientSpan, of: y.span)
        let expected = y.indices.map { Double(before[$0]) * (1 - Double(y[$0]) * Double(y[$0])) }
        #expect(Self.largestDifference(gradient, expected) < 1e-6)
    }

    // MARK: - Softmax

    @Test("Softmax rows sum to one and survive large logits; the way back matches the Jacobian", arguments: widths)
    func softmax(width: Int) {
        let scale = 0.25
        let x = Self.values(Self.rows * width, stream: 6, scale: 40)
        var p = x
        var span = p.mutableSpan
        Elementwise.softmax(&span, width: width, scale: Float(scale))
        var expected: [Double] = []
        for row in 0..<Self.rows {
            let logits = x[row * width..<(row + 1) * width].map { Double($0) * scale }
            let largest = logits.max() ?? 0
            let powers = logits.map { exp($0 - largest) }
            expected += powers.map { $0 / powers.reduce(0, +) }
        }
        #expect(Self.largestDifference(p, expected) < 1e-6)

        var gradient = Self.values(x.count, stream: 7)
        let upstream = gradient
        var gradientSpan = gradient.mutableSpan
        Elementwise.backThroughSoftmax(&gradientSpan, of: p.span, width: width, scale: Float(scale))
        let back = x.indices.map { index -> Double in
            let row = index / width * width
            var along = 0.0
            for other in row..<row + width { along += expected[other] * Double(upstream[other]) }
            return scale * expected[index] * (Double(upstream[index]) - along)
        }
        #expect(Self.largestDifference(gradient, back) < 1e-6)
    }

    // MARK: - LayerNorm

    /// γ·(z − mean)/√(variance + ε) + β in 64-bit floats.
    static func layerNorm(_ z: [Double], gamma: [Float], beta: [Float]) -> [Double] {
        let width = gamma.count
        return stride(from: 0, to: z.count, by: width).flatMap { start in
            let row = z[start..<start + width]
            let mean = row.reduce(0, +) / Double(width)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
            return row.enumerated().map { index, value in
                Double(gamma[index]) * (value - mean) / (variance + 1e-12).squareRoot() + Double(beta[index])
            }
        }
    }

    @Test(
        "LayerNorm with bias and residual, kept or not, and its gradient by central differences",
        arguments: [7, 25, 384]
    )
    func layerNorm(width: Int) {
        let count = Self.rows * width
        let (x, residual) = (Self.values(count, stream: 8, scale: 2), Self.values(count, stream: 9))
        let (bias, beta) = (Self.values(width, stream: 10), Self.values(width, stream: 11))
        let gamma = Self.values(width, stream: 12, scale: 0.3).map { 1 + $0 }
        let z = x.indices.map { Double(x[$0]) + Double(bias[$0 % width]) + Double(residual[$0]) }
        let expected = Self.layerNorm(z, gamma: gamma, beta: beta)

        var plain = x
        var plainSpan = plain.mutableSpan
        Elementwise.layerNorm(
            &plainSpan,
            bias: bias.span,
            residual: residual.span,
            gamma: gamma.span,
            beta: beta.span,
            epsilon: 1e-12
        )
        #expect(Self.largestDifference(plain, expected) < 3e-6)

        var y = x
        var normalized = [Float](repeating: .nan, count: count)
        var inverseDeviation = [Float](repeating: .nan, count: Self.rows)
        do {
            var ySpan = y.mutableSpan
            var normalizedSpan = normalized.mutableSpan
            var inverseSpan = inverseDeviation.mutableSpan
            Elementwise.layerNorm(
                &ySpan,
                bias: bias.span,
                residual: residual.span,
                gamma: gamma.span,
                beta: beta.span,
                epsilon: 1e-12,
                keeping: &normalizedSpan,
                &inverseSpan
            )
        }
        #expect(Self.largestDifference(y, expected) < 3e-6)

        let upstream = Self.values(count, stream: 13)
        var gradient = upstream
        var gradientSpan = gradient.mutableSpan
        Elementwise.backThroughLayerNorm(
            &gradientSpan,
            normalized: normalized.span,
            inverseDeviation: inverseDeviation.span,
            gamma: gamma.span
        )
        // One position a row; 1e-5 is where the truncation and rounding errors of central differences meet.
        for row in 0..<Self.rows {
            let index = row * width + (row * 3) % width
            func objective(_ step: Double) -> Double {
                var moved = Array(z[row * width..<(row + 1) * width])
                moved[index - row * width] += step
                let out = Self.layerNorm(moved, gamma: gamma, beta: beta)
                var sum = 0.0
                for (offset, value) in out.enumerated() { sum += value * Double(upstream[row * width + offset]) }
                return sum
            }
            let slope = (objective(1e-5) - objective(-1e-5)) / 2e-5
            #expect(abs(Double(gradient[index]) - slope) < 2e-5 * max(1, abs(slope)))
        }
    }

    @Test("LayerNorm without bias or residual is the same formula")
    func plainLayerNorm() {
        let x = Self.values(60, stream: 14)
        let (gamma, beta) = (Self.values(20, stream: 15), Self.values(20, stream: 16))
        var y = x
        var span = y.mutableSpan
        Elementwise.layerNorm(&span, gamma: gamma.span, beta: beta.span, epsilon: 1e-12)
        #expect(Self.largestDifference(y, Self.layerNorm(x.map(Double.init), gamma: gamma, beta: beta)) < 3e-6)
    }

    // MARK: - Arithmetic

    @Test("Sums, products and the dot product", arguments: widths)
    func arithmetic(count: Int) {
        let (a, b, c) = (Self.values(count, stream: 17), Self.values(count, stream: 18), Self.values(count, stream: 19))
        var y = [Float](repeating: .nan, count: count)
        var span = y.mutableSpan
        Elementwise.sum(a.span, b.span, c.span, into: &span)
        #expect(y == a.indices.map { a[$0] + b[$0] + c[$0] })

        var product = a
        var productSpan = product.mutableSpan
        Elementwise.multiply(&productSpan, by: b.span)
        #expect(product == a.indices.map { a[$0] * b[$0] })

        var scaled = a
        var scaledSpan = scaled.mutableSpan
        Elementwise.add(b.span, times: -0.5, to: &scaledSpan)
        #expect(scaled == a.indices.map { a[$0] - 0.5 * b[$0] })

        var rows = a + b
        var rowsSpan = rows.mutableSpan
        Elementwise.addBias(c.span, to: &rowsSpan)
        #expect(rows == (a + b).indices.map { (a + b)[$0] + c[$0 % count] })

        let exact = zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(Double(Elementwise.dot(a.span, b.span)) - exact) < 1e-5 * Double(count).squareRoot())
    }

    // MARK: - Dropout

    @Test("Dropout zeroes the asked share, keeps the mean, and draws the same elements on the way back")
    func dropout() {
        let x = [Float](repeating: 1, count: 100_000)
        var dropped = x
        var span = dropped.mutableSpan
        Elementwise.dropout(x.span, into: &span, probability: 0.1, seed: 42)
        let zeros = dropped.count { $0 == 0 }
        let kept: Float = 1 / (1 - 0.1)
        // Five standard deviations of a binomial count.
        #expect(abs(Double(zeros) - 10_000) < 5 * (100_000 * 0.1 * 0.9).squareRoot())
        #expect(dropped.allSatisfy { $0 == 0 || $0 == kept })

        var added = [Float](repeating: 2, count: x.count)
        var addedSpan = added.mutableSpan
        Elementwise.addDropout(of: x.span, to: &addedSpan, probability: 0.1, seed: 42)
        #expect(added == dropped.map { 2 + $0 })

        var other = x
        var otherSpan = other.mutableSpan
        Elementwise.dropout(x.span, into: &otherSpan, probability: 0.1, seed: 42 + 1 << 32)
        #expect(zip(other, dropped).count { $0 != $1 } > 10_000)
    }

    // MARK: - Optimizers

    @Test("Three AdamW steps follow the published recursion")
    func adamW() {
        let settings = Elementwise.AdamW(learningRate: 0.01, weightDecay: 0.1)
        var p = Self.values(50, stream: 20)
        var (m, v) = ([Float](repeating: 0, count: 50), [Float](repeating: 0, count: 50))
        var exact = p.map(Double.init)
        var (exactM, exactV) = ([Double](repeating: 0, count: 50), [Double](repeating: 0, count: 50))
        for step in 1...3 {
            let g = Self.values(50, stream: 20 + UInt64(step))
            do {
                var pSpan = p.mutableSpan
                var mSpan = m.mutableSpan
                var vSpan = v.mutableSpan
                Elementwise.stepAdamW(
                    &pSpan,
                    gradient: g.span,
                    firstMoment: &mSpan,
                    secondMoment: &vSpan,
                    settings: settings,
                    step: step
                )
            }
            for index in 0..<50 {
                let slope = Double(g[index])
                exactM[index] = 0.9 * exactM[index] + 0.1 * slope
                exactV[index] = 0.999 * exactV[index] + 0.001 * slope * slope
                let mHat = exactM[index] / (1 - pow(0.9, Double(step)))
                let vHat = exactV[index] / (1 - pow(0.999, Double(step)))
                exact[index] -= 0.01 * 0.1 * exact[index] + 0.01 * mHat / (vHat.squareRoot() + 1e-8)
            }
        }
        #expect(Self.largestDifference(p, exact) < 1e-6)
    }

    @Test("Three SGD steps with momentum and weight decay follow the published recursion")
    func stochasticGradientDescent() {
        var p = Self.values(50, stream: 30)
        var velocity = [Float](repeating: 0, count: 50)
        var exact = p.map(Double.init)
        var exactVelocity = [Double](repeating: 0, count: 50)
        for step in 1...3 {
            let g = Self.values(50, stream: 30 + UInt64(step))
            do {
                var pSpan = p.mutableSpan
                var velocitySpan = velocity.mutableSpan
                Elementwise.stepSGD(
                    &pSpan,
                    gradient: g.span,
                    velocity: &velocitySpan,
                    learningRate: 0.1,
                    momentum: 0.9,
                    weightDecay: 0.01
                )
            }
            for index in 0..<50 {
                exactVelocity[index] = 0.9 * exactVelocity[index] + Double(g[index]) + 0.01 * exact[index]
                exact[index] -= 0.1 * exactVelocity[index]
            }
        }
        #expect(Self.largestDifference(p, exact) < 1e-6)
    }
}
