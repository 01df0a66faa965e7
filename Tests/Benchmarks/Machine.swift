import LinearAlgebra

/// What the machine can do, measured beside whatever is compared with it.
enum Machine {
    /// Single-precision multiplications and additions a second on one thread, in a product of 1024×1024 matrices.
    static func singlePrecisionRate() -> Double {
        let n = 1024
        var generator = CounterGenerator(seed: 1)
        let a = Matrix(rows: n, columns: n, elements: (0..<n * n).map { _ in Float(generator.uniform()) })
        return 2 * Double(n * n * n) / Measurement.median { a * a }
    }

    /// Bytes copied a second from one array to another, too large for the caches.
    static func copyRate() -> Double {
        let source = [Float](repeating: 1, count: 1 << 25)
        var target = [Float](repeating: 0, count: 1 << 25)
        let time = Measurement.median {
            target.withUnsafeMutableBytes { target in
                source.withUnsafeBytes { target.copyMemory(from: $0) }
            }
        }
        return Double(source.count * MemoryLayout<Float>.size) / time
    }
}
