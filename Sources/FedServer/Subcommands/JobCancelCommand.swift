import ArgumentParser
import Coordinator
import Foundation

struct JobCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End a job. The adapter that its last complete round left can still be exported."
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        if let server = try directory.adminClient() {
            try await server.cancel(job.id)
        } else {
            try await directory.openStore().jobs.cancel(job.id, now: Date())
        }
    }
}
