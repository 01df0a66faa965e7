/// The systematic Reed–Solomon code over GF(2⁸) with the polynomial x⁸ + x⁴ + x³ + x² + 1, as QR codes use it.
struct ReedSolomonCode {
    /// The generator polynomial ∏ (x − 2ⁱ) without its leading 1, the highest power first.
    private let generator: [UInt8]

    /// - Parameter correctionCount: How many codewords are added to each block, at least 1.
    init(correctionCount: Int) {
        var generator = [UInt8](repeating: 0, count: correctionCount)
        generator[correctionCount - 1] = 1
        var root: UInt8 = 1
        for _ in 0..<correctionCount {
            for place in 0..<correctionCount {
                generator[place] = Self.product(generator[place], root)
                if place + 1 < correctionCount { generator[place] ^= generator[place + 1] }
            }
            root = Self.product(root, 2)
        }
        self.generator = generator
    }

    /// Returns the codewords that follow `data`: the remainder of its polynomial by the generator.
    func correction(of data: [UInt8]) -> [UInt8] {
        var remainder = [UInt8](repeating: 0, count: generator.count)
        for byte in data {
            let factor = byte ^ remainder.removeFirst()
            remainder.append(0)
            for (place, coefficient) in generator.enumerated() {
                remainder[place] ^= Self.product(coefficient, factor)
            }
        }
        return remainder
    }

    /// The product in GF(2⁸).
    static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
        var product: UInt8 = 0
        for place in stride(from: 7, through: 0, by: -1) {
            let overflows = product & 0x80 != 0
            product <<= 1
            if overflows { product ^= 0x1D }
            if b >> UInt8(place) & 1 == 1 { product ^= a }
        }
        return product
    }
}
