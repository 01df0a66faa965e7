import AttackSuite
import TestSupport
import Testing

/// The attacks that take no deadline's time, each a test of its own; `make attack` runs all of them on a server process.
@Suite("Attacks", .serialized, .onOneField, .timeLimit(.minutes(5)))
struct AttackTests {
    @Test("what must hold afterwards holds", arguments: AttackCatalogue.short)
    func attack(_ attack: Attack) async throws {
        let field = try #require(OneField.current)
        try await attack.run(in: field)
        // The last of its group: honest clients still do their work.
        if AttackCatalogue.short.last(where: { $0.group == attack.group })?.name == attack.name {
            try await field.completeRound()
        }
    }
}

extension Attack: CustomTestStringConvertible {
    /// The attack by its name.
    public var testDescription: String { name }
}
