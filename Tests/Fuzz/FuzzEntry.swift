import Foundation
import FuzzTargets

/// What libFuzzer calls, which can hand over nothing but bytes.
enum FuzzEntry {
    private static let target = FuzzTarget(rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "")

    static func run(_ bytes: UnsafeBufferPointer<UInt8>) {
        target?.run(Array(bytes))
    }
}
