import ArgumentParser
import Coordinator
import Foundation
import Terminal
import Transport

struct RotateAuthorityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-authority",
        abstract: "Let a new certificate authority take over, without cutting anybody off.",
        discussion: """
            From now on the new authority issues certificates and both are trusted. Clients hear of it when they renew. The \
            previous one is dropped, and its key removed, when every certificate has ended that it can have issued to a \
            client, at the earliest `certificate_hours` and one hour from now; the command prints that moment. It needs no \
            stop of the server.
            """
    )

    @OptionGroup var state: StateOptions

    func run() async throws {
        let directory = try state.open()
        let now = Date()
        let rotation: AuthorityRotation
        do {
            let end = try await lastEnd(in: directory, after: now)
            rotation = try directory.rotateAuthority(now: now, lastCertificateEnds: end)
        } catch CoordinatorError.rotationUnderWay(let end) {
            // The command that began it may have been ended before the server heard of it.
            try await directory.adminClient()?.reloadKeys()
            throw CoordinatorError.rotationUnderWay(until: end)
        }
        try await directory.adminClient()?.reloadKeys()
        print(rotation.endsAt.formatted(.iso8601))
        StandardError.write("Both authorities are trusted until then.")
    }

    /// When the last certificate has ended that the present authority issues to a client.
    ///
    /// A server that nobody told goes on issuing until it notices by itself. No certificate outlasts the authority.
    private func lastEnd(in directory: StateDirectory, after now: Date) async throws -> Date {
        let issued = try await directory.openStore().clients.latestExpiry() ?? now
        let lifetime = Duration.seconds(3600 * (try directory.settings().certificateHours))
        let last = max(issued, now + (lifetime + ServerKeys.interval) / .seconds(1))
        return min(last, try directory.authority().certificate.notValidAfter)
    }
}
