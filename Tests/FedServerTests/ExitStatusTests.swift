import Coordinator
import Testing
import Transport

@testable import FedServer

/// Scripts and units rely on these numbers (OPERATIONS.md).
struct ExitStatusTests {
    @Test("what needs somebody is no reason to start again, and a disk is")
    func credentials() {
        #expect(ExitStatus(CredentialError.keyExposed(file: "key", permissions: "644")) == .usage)
        #expect(ExitStatus(CredentialError.keyMismatch(certificate: "certificate")) == .usage)
        #expect(ExitStatus(CredentialError.notWritable(file: "key", reason: "no space")) == .failed)
    }

    @Test("what the other side refuses has the status that it would have here")
    func refusals() {
        #expect(ExitStatus(CoordinatorError.serverRefused(status: 404, message: "")) == .usage)
        #expect(ExitStatus(CoordinatorError.serverRefused(status: 409, message: "")) == .refused)
        #expect(ExitStatus(CoordinatorError.serverRefused(status: 503, message: "")) == .unreachable)
        #expect(ExitStatus(CoordinatorError.serverRefused(status: 500, message: "")) == .failed)
    }
}
