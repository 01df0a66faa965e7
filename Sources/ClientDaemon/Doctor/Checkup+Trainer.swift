import FederatedLearning
import Foundation
import Logging
import Transport

extension Checkup {
    /// Starts the silo's own trainer, has it introduce itself, and ends it.
    ///
    /// It works in a folder of its own, so that the one of a running daemon keeps its.
    func trainer(_ settings: TrainerSettings, threads: Int) async -> Finding {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("tributary-doctor-\(UUID().uuidString)", isDirectory: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let host = TrainerHost(
            settings: settings,
            folder: TrainerFolder(ClientDirectory(folder)),
            threads: threads,
            logger: Logger(label: "fed-client") { _ in SwiftLogNoOpLogHandler() }
        )
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await host.run() }
            defer { group.cancelAll() }
            do {
                let found = try await host.ready()
                let tasks = found.tasks.map(\.rawValue).sorted().joined(separator: ", ")
                let features = found.features.map(\.rawValue).sorted().joined(separator: ", ")
                return Finding(
                    "trainer",
                    isWell: true,
                    "\(found.name) \(found.release): \(tasks)\(features.isEmpty ? "" : "; \(features)")"
                )
            } catch {
                return Finding("trainer", isWell: false, "\(error)")
            }
        }
    }
}
