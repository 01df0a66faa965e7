import ArgumentParser
import ClientDaemon
import Foundation

/// Says what the daemon of a directory is doing.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show what the daemon is doing.")

    @OptionGroup var options: DirectoryOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let directory = options.directory
        try directory.validate()
        guard var status = try ClientStatus.read(from: directory) else {
            throw ClientError.neverRan(path: directory.url.path)
        }
        if !DirectoryLock.isHeld(of: directory) { status.connection = .stopped }
        print(json ? String(decoding: try status.encoded(), as: UTF8.self) : status.text)
    }
}
