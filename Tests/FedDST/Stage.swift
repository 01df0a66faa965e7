import DeterministicSimulation
import Dispatch
import Foundation
import LinearAlgebra
import Synchronization

/// Where seeds are played: a folder in memory with the undisturbed federation, for as long as the body takes.
enum Stage {
    static func with<Result>(_ body: (Simulation) throws -> Result) throws -> Result {
        BLASThreads.useCallingThreadOnly()
        let memory = URL(fileURLWithPath: "/dev/shm", isDirectory: true)
        let base = FileManager.default.fileExists(atPath: memory.path) ? memory : FileManager.default.temporaryDirectory
        let folder = base.appendingPathComponent("fed-dst-\(UUID().uuidString)", isDirectory: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let template = try wait { try await FederationTemplate.make(in: folder.appendingPathComponent("template")) }
        return try body(Simulation(template: template, folder: folder))
    }

    /// Waits for something that is done on real threads.
    private static func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let result = Mutex<Swift.Result<Value, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                let value = try await body()
                result.withLock { $0 = .success(value) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            done.signal()
        }
        done.wait()
        guard let result = result.withLock({ $0 }) else { throw CancellationError() }
        return try result.get()
    }
}
