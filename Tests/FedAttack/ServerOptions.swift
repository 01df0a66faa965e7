import ArgumentParser
import AttackSuite
import Foundation

/// Which server is attacked, and what is put around it.
struct ServerOptions: ParsableArguments {
    @Option(help: "The fed-server to start; the one beside this program unless said otherwise.")
    var server: String?

    @Option(help: "A command that starts the server in its turn, such as 'prlimit --as=2147483648'.")
    var under: String?

    /// The program that runs.
    static var ownProgram: URL {
        Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    }

    var launch: ServerProcess.Launch {
        let file =
            server.map { URL(fileURLWithPath: $0) }
            ?? Self.ownProgram.deletingLastPathComponent().appendingPathComponent("fed-server")
        return ServerProcess.Launch(executable: file, wrapper: under?.split(separator: " ").map(String.init) ?? [])
    }
}
