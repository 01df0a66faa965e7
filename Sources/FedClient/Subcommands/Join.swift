import ArgumentParser
import ClientDaemon
import Logging
import Transport

/// Makes this directory a member of a federation.
struct Join: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Join a federation with the string that `fed-server invite` printed.",
        discussion: """
            The private key is made here and never leaves this directory. A client that was revoked, or away for longer \
            than its certificate is good, joins again with a new invitation and --again; what it has trained and not \
            delivered stays.
            """
    )

    @Argument(help: ArgumentHelp("The one line of the invitation.", valueName: "join-string"))
    var invitation: String

    @Flag(help: "Replace the membership that the directory has already.")
    var again = false

    @OptionGroup var options: DirectoryOptions

    func run() async throws {
        let enrolment = try await Membership.join(
            invitation,
            directory: options.directory,
            replacing: again,
            logger: .standardError(level: .warning)
        )
        print("Joined as \(enrolment.name). Start it with: fed-client run --dir \(options.path) --data FILE")
    }
}
