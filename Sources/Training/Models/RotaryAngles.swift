import Foundation
import LinearAlgebra

/// The angles by which RoPE turns the queries and keys of packed texts.
///
/// Pair i of a head at position p turns by p·θ^(−2i/d) (Su et al., 2021). They are the same in every block, so a pass
/// lays them out once, a row a token.
struct RotaryAngles: Sendable {
    private let headWidth: Int
    /// The angle of one position, for each pair.
    private let frequencies: [Float]
    /// By position and pair, as far as a text has needed them.
    private var knownCosines: [Float] = []
    private var knownSines: [Float] = []
    private var cosines: [Float] = []
    private var sines: [Float] = []

    init(headWidth: Int, base: Double) {
        self.headWidth = headWidth
        frequencies = (0..<headWidth / 2).map { Float(pow(base, -2 * Double($0) / Double(headWidth))) }
    }

    /// Lays out the angles of the tokens of `texts`.
    mutating func prepare(for texts: PackedTexts) {
        let half = frequencies.count
        learn(positions: texts.reduce(0) { max($0, $1.count) })
        cosines.resize(to: texts.tokenCount * half)
        sines.resize(to: texts.tokenCount * half)
        for text in texts {
            let rows = text.lowerBound * half..<text.upperBound * half
            cosines.replace(rows, with: knownCosines)
            sines.replace(rows, with: knownSines)
        }
    }

    /// Turns the heads in each row of `x`, which belongs to a token; back for gradients.
    func rotate(_ x: inout [Float], _ turn: Elementwise.Turn) {
        var x = x.mutableSpan
        Elementwise.rotate(&x, cosines: cosines.span, sines: sines.span, headWidth: headWidth, turn)
    }

    private mutating func learn(positions: Int) {
        for position in knownCosines.count / frequencies.count..<max(positions, knownCosines.count / frequencies.count)
        {
            for frequency in frequencies {
                // As the reference: the angle is rounded to 32 bits first.
                let angle = Double(Float(position) * frequency)
                knownCosines.append(Float(cos(angle)))
                knownSines.append(Float(sin(angle)))
            }
        }
    }
}
