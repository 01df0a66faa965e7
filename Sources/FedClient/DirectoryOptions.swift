import ArgumentParser
import ClientDaemon
import Foundation

/// The flag by which every subcommand finds its client directory.
struct DirectoryOptions: ParsableArguments {
    @Option(name: .customLong("dir"), help: ArgumentHelp("The client's directory.", valueName: "folder"))
    var path = "fed-client"

    var directory: ClientDirectory { ClientDirectory(URL(fileURLWithPath: path, isDirectory: true)) }
}
