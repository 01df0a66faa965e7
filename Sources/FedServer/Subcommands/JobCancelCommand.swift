import ArgumentParser
import Coordinator

struct JobCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "End a job. The adapter that its last complete round left can still be exported."
    )

    @OptionGroup var job: JobOptions
    @OptionGroup var state: StateOptions

    func run() async throws {
        try await state.runningServer().cancel(job.id)
    }
}
