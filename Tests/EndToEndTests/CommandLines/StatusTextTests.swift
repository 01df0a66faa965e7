import Foundation
import Testing

@testable import ClientDaemon
@testable import FedClient

@Suite("Status for people")
struct StatusTextTests {
    private let now = Date(timeIntervalSince1970: 1_700_000_000)

    @Test("what the server wrote does nothing to the terminal, and begins no line of its own")
    func serverTexts() {
        var status = ClientStatus(processIdentifier: 7, server: "h:7", now: now)
        status.name = "berlin"
        status.problem = "The server says: gone\u{1B}[2J\nprivacy    ε 0"
        status.currentOrder = ClientStatus.Work(job: "j", jobName: "phrases\u{1B}]0;title\n", round: 3, kind: "train")
        status.lastVerdict = ClientStatus.Verdict(
            job: "j",
            round: 2,
            accepted: false,
            reason: "It holds\r\nNaN.",
            time: now
        )
        let lines = status.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 5)
        #expect(lines[1] == "problem    The server says: gone [2J privacy    ε 0")
        #expect(lines[2] == "working    phrases ]0;title , round 3, train")
        #expect(lines[4] == "latest     round 2 rejected: It holds  NaN.")
    }
}
