import AttackSuite
import Testing

/// Runs all tests of a suite on one server, which is there before the first and gone after the last.
struct OneField: SuiteTrait, TestScoping {
    /// The server of the suite that is running.
    @TaskLocal static var current: AttackField?

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await AttackField.with { field in
            try await Self.$current.withValue(field) { try await function() }
        }
    }
}

extension Trait where Self == OneField {
    /// One server for the whole suite.
    static var onOneField: Self { OneField() }
}
