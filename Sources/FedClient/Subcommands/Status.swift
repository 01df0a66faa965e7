import ArgumentParser
import ClientDaemon
import FederatedLearning
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
        status.privacyCost = try SiloLedger.cost(in: directory, limit: privacyLimit(of: directory))
        print(json ? String(decoding: try status.encoded(), as: UTF8.self) : status.text)
    }

    /// The steward's limit; a configuration that cannot be read hinders the daemon, and not a look at its status.
    private func privacyLimit(of directory: ClientDirectory) -> ClientConfiguration.PrivacyLimit? {
        (try? ConfigurationFile.read(from: directory))?.privacyLimit
    }
}
