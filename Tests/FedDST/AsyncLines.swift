import Dispatch
import Foundation
import Synchronization

/// The lines that several processes print, in the order in which they come.
final class AsyncLines: Sendable {
    private struct State {
        var lines: [String] = []
        var open: Int
    }

    private let state: Mutex<State>
    private let arrival = DispatchSemaphore(value: 0)

    /// Reads from all handles until each has ended.
    init(_ handles: [FileHandle]) {
        state = Mutex(State(open: handles.count))
        for handle in handles {
            Thread.detachNewThread { [self] in
                var rest = Data()
                while true {
                    let data = handle.availableData
                    guard !data.isEmpty else { break }
                    rest.append(data)
                    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
                        rest = Data(rest[(end + 1)...])
                        state.withLock { $0.lines.append(line) }
                        arrival.signal()
                    }
                }
                state.withLock { $0.open -= 1 }
                arrival.signal()
            }
        }
    }

    /// The next line; `nil` when there is none any more.
    func next() -> String? {
        while true {
            let (line, isOver) = state.withLock { state in
                (state.lines.isEmpty ? nil : state.lines.removeFirst(), state.open == 0)
            }
            if let line { return line }
            if isOver { return nil }
            arrival.wait()
        }
    }
}
