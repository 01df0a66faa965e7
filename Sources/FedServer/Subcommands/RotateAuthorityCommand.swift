import ArgumentParser
import Coordinator
import Foundation
import Terminal

struct RotateAuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-authority",
        abstract: "Let a new certificate authority take over, without cutting anybody off.",
        discussion: """
            From now on the new authority issues certificates and both are trusted. Clients hear of it when they renew. The \
            previous one is dropped, and its key removed, when the last certificate has ended that it issued to a client; \
            the command prints that moment. It needs no stop of the server.
            """
    )

    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        let now = Date()
        let end = try await directory.openStore().clients.latestExpiry() ?? now
        let rotation = try directory.rotateAuthority(now: now, lastCertificateEnds: end)
        try await directory.adminClient()?.reloadKeys()
        print(rotation.endsAt.formatted(.iso8601))
        StandardError.write("Both authorities are trusted until then.")
    }
}
