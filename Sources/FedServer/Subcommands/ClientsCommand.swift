import ArgumentParser
import Coordinator
import FederatedLearning

struct ClientsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clients",
        abstract: "List the enrolled clients and whether they are connected."
    )

    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let clients = try await clients()
        if listing.json {
            try Printed.json(clients)
            return
        }
        Printed.table(
            ["CLIENT", "STATE", "MAX RANK", "LAST CONTACT", "CERTIFICATE UNTIL", "TAGS"],
            clients.map { client in
                [
                    client.name, client.state.rawValue, client.maximumRank.map(String.init) ?? "–",
                    Printed.date(client.lastContact), Printed.date(client.certificateExpiry),
                    Self.text(ofTags: client.tags),
                ]
            }
        )
    }

    /// Tags as a client gave them, without what would move a terminal's cursor or begin another line.
    static func text(ofTags tags: [String: String]) -> String {
        tags.sorted { $0.key < $1.key }.map { PeerText.sentence("\($0.key)=\($0.value)") }.joined(separator: ",")
    }

    /// Asks the running server, which knows who is connected; without one nobody is.
    private func clients() async throws -> [ClientSummary] {
        let directory = try state.open()
        if let server = try directory.adminClient() { return try await server.clients() }
        return try await directory.openStore().clients.clients().map { ClientSummary(record: $0, lastHeard: nil) }
    }
}
