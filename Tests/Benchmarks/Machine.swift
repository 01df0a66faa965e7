import Foundation
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

    /// Bytes copied a second from arrays to others, too large for the caches.
    static func copyRate(threads: Int = 1) -> Double {
        let source = [Float](repeating: 1, count: 1 << 25)
        var targets = [[Float]](repeating: source, count: threads)
        let time = Measurement.median {
            Concurrency.forEach(in: &targets, threads: threads) { _, target in
                target.withUnsafeMutableBytes { target in
                    source.withUnsafeBytes { target.copyMemory(from: $0) }
                }
            }
        }
        return Double(threads * source.count * MemoryLayout<Float>.size) / time
    }

    /// Bytes read a second from arrays that are too large for the caches, to sum their squares.
    static func readRate(threads: Int = 1) -> Double {
        let sources = (0..<threads).map { [Float](repeating: Float($0), count: 1 << 25) }
        let time = Measurement.median {
            Concurrency.map(threads, threads: threads) { index in
                let source = sources[index]
                return sumOfSquares(source.span)
            }
        }
        return Double(threads * sources[0].count * MemoryLayout<Float>.size) / time
    }

    // MARK: - Memory

    /// Starts to watch this process's memory anew; returns the bytes that are resident now.
    static func resetPeakMemory() -> Double {
        // Documented in proc(5): "5" resets the peak resident set size to the current one.
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
        return status("VmRSS:")
    }

    /// The most bytes that were resident at once since ``resetPeakMemory()``, mapped pages of files included.
    static func peakMemory() -> Double { status("VmHWM:") }

    private static func status(_ field: String) -> Double {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let words = text.split(separator: "\n").first { $0.hasPrefix(field) }?.split(whereSeparator: \.isWhitespace)
        return words.flatMap { $0.count > 1 ? Double($0[1]) : nil }.map { $0 * 1024 } ?? .nan
    }
}
