private import Dispatch
private import Glibc
private import Synchronization

/// Spreads independent pieces of linear algebra over threads.
///
/// Each piece runs on one thread from start to end and writes to its own place, so results depend neither on how many
/// threads there are nor on which of them came first. Calls may nest. The calling thread takes part, so a call makes
/// progress whatever else the process does.
package enum Concurrency {
    /// How many processors are online.
    package static let processorCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Returns the results of `body` for 0..<count, in order.
    ///
    /// - Parameters:
    ///   - count: How many pieces there are.
    ///   - threads: How many of them may run at once.
    ///   - body: Computes one piece.
    /// - Returns: One result a piece.
    /// - Throws: The error of the first piece, by index, that failed; all pieces have then ended.
    package static func map<Result: Sendable, Failure: Error>(
        _ count: Int,
        threads: Int = processorCount,
        _ body: @Sendable (Int) throws(Failure) -> Result
    ) throws(Failure) -> [Result] {
        var results = [Swift.Result<Result, Failure>?](repeating: nil, count: count)
        forEach(in: &results, threads: threads) { index, result in
            do throws(Failure) {
                result = .success(try body(index))
            } catch {
                result = .failure(error)
            }
        }
        var values: [Result] = []
        values.reserveCapacity(count)
        for case .some(let result) in results {
            values.append(try result.get())
        }
        return values
    }

    /// Changes each element of `elements` in place.
    ///
    /// - Parameters:
    ///   - elements: Lent to `body` one by one.
    ///   - threads: How many elements may be worked on at once.
    ///   - body: Changes one element, given its index.
    package static func forEach<Element: Sendable>(
        in elements: inout [Element],
        threads: Int = processorCount,
        _ body: @Sendable (Int, inout Element) -> Void
    ) {
        let count = elements.count
        let workers = min(threads, count)
        guard workers > 1 else {
            for index in 0..<count {
                body(index, &elements[index])
            }
            return
        }
        unsafe elements.withUnsafeMutableBufferPointer { buffer in
            // The counter gives every index to one worker alone, so no element is reached by two threads; the buffer
            // outlives the workers because `concurrentPerform` returns after the last of them.
            nonisolated(unsafe) let shared = unsafe buffer
            let next = Atomic(0)
            DispatchQueue.concurrentPerform(iterations: workers) { _ in
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < count else { return }
                    unsafe body(index, &shared[index])
                }
            }
        }
    }
}
