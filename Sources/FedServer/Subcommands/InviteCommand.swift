import ArgumentParser
import Coordinator
import Foundation
import QRCodes
import Terminal
import Transport

struct InviteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invite",
        abstract: "Print a join string for one client.",
        discussion: "Give the line to whoever runs the client: it can be used once, and only until it expires."
    )

    @Argument(help: "What the client is called from now on.")
    var name: String

    @Option(help: "How long the join string is good for, such as 10m, 2h or 1d.")
    var ttl = TimeToLive(seconds: 600)

    @Flag(help: "Show the join string as a QR code, too, on standard error.")
    var qr = false

    @OptionGroup var state: StateOptions

    func run() async throws {
        let invitation = try await state.open().invite(name, validFor: ttl.seconds, now: Date())
        if qr { StandardError.write(try QRCode(invitation.text).lines.joined(separator: "\n")) }
        print(invitation.text)
    }
}
