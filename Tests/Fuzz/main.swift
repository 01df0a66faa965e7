import CLibFuzzer
import Foundation
import FuzzTargets

// Usage: FUZZ_TARGET=frames tributary-fuzz [libFuzzer's options] [corpus]…
//
// The target comes from the environment, because the arguments are libFuzzer's, and children inherit it.

let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
guard FuzzTarget(rawValue: name) != nil else {
    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    FileHandle.standardError.write(Data("Set FUZZ_TARGET to one of \(known).\n".utf8))
    exit(2)
}

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
    LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
        FuzzEntry.run(UnsafeBufferPointer(start: bytes, count: count))
        return 0
    }
)
