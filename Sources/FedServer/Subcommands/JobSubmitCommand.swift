import ArgumentParser
import Coordinator
import FederatedLearning
import Foundation

struct JobSubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Check a job file, hand it to the running server and print the job's name."
    )

    @Argument(help: "The job, in YAML.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(help: "Names this attempt: the same token again returns the job that the first attempt made.")
    var token: String?

    @OptionGroup var state: StateOptions

    func run() async throws {
        let submission = try await JobSubmission(
            file: URL(fileURLWithPath: file),
            token: token,
            environment: ProcessInfo.processInfo.environment
        )
        print(try await state.runningServer().submit(submission))
    }
}
