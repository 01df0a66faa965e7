/// One attack: who does what, which threat it belongs to, and what must hold afterwards.
package struct Attack: Sendable, CustomStringConvertible {
    /// The group, and what happens in it: `frames/claims-2-gib`.
    package let name: String
    /// The row of the threat table in `SECURITY.md`.
    package let threat: Threat
    let deed: Deed
    let outcome: Outcome
    /// Whether it waits for one of the server's deadlines, or needs thousands of sockets: left out of the short form.
    package let takesLong: Bool

    init(_ name: String, _ threat: Threat, _ deed: Deed, _ outcome: Outcome, takesLong: Bool = false) {
        self.name = name
        self.threat = threat
        self.deed = deed
        self.outcome = outcome
        self.takesLong = takesLong
    }

    package var description: String { name }

    /// The part of the name before the slash.
    package var group: String { String(name.prefix { $0 != "/" }) }

    /// Does it, and checks what must hold.
    ///
    /// - Throws: ``AttackFailure`` when something else holds.
    package func run(in field: AttackField) async throws {
        let observation = try await withDeadline(.seconds(takesLong ? 120 : 60), of: name) {
            try await deed.perform(in: field, honestAlone: !outcome.countsAttacker)
        }
        try outcome.check(observation)
        try await field.checkServer()
    }
}

/// An attack that reached what it should not, or a server that did not survive it.
package struct AttackFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Runs `body`, which may take so long and no longer.
func withDeadline<Result: Sendable>(
    _ limit: Duration,
    of name: String,
    _ body: @Sendable @escaping () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw AttackFailure("'\(name)' was not over after \(limit).")
        }
        guard let result = try await group.next() else { throw CancellationError() }
        group.cancelAll()
        return result
    }
}
