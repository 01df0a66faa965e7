import ArgumentParser
import Coordinator

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Read the audit log, and make sure that nobody changed it.",
        subcommands: [AuditVerifyCommand.self, AuditListCommand.self]
    )
}

struct AuditVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Find the first entry, record or payload that is not as it was written.",
        discussion: """
            Reads the whole database and every payload that a job needs, and prints where the log's chain ends. Note that \
            line somewhere else and give it as --since next time: then even a log that was computed anew as a whole is found \
            out. Exit code 1 when anything was changed, removed or put in.
            """
    )

    @Option(help: "A chain's end that was noted before, which the log has to have gone through.")
    var since = AuditLog.Head.empty

    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let store = try state.open().openStore()
        let head = try await store.audit.verify(since: since)
        try await store.verify()
        if listing.json {
            try Printed.json(head)
        } else {
            print(head)
        }
    }
}

struct AuditListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List who was let in and shut out, what was asked of the server, and which orders silos refused."
    )

    @OptionGroup var state: StateOptions
    @OptionGroup var listing: ListingOptions

    func run() async throws {
        let entries = try await state.open().openStore().audit.entries()
        if listing.json {
            try Printed.json(entries)
            return
        }
        Printed.table(
            ["ENTRY", "WHEN", "WHAT", "WHO", "DETAIL"],
            entries.map { ["\($0.sequence)", Printed.date($0.at), $0.action.rawValue, $0.subject, $0.detail] }
        )
    }
}

extension AuditLog.Head: ExpressibleByArgument {}
