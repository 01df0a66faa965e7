import Foundation
import Logging
import Synchronization
import Testing

@testable import FedServer

@Suite("Logs in JSON")
struct JSONLogHandlerTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }

    /// Returns the one line that `log` writes.
    private static func line(_ log: (inout Logger) -> Void) throws -> (text: String, fields: [String: Any]) {
        let lines = Lines()
        var logger = Logger(label: "tributary.server") { label in
            JSONLogHandler(
                label: label,
                now: { Date(timeIntervalSince1970: 1_800_000_000.25) },
                write: { lines.append($0) }
            )
        }
        log(&logger)
        #expect(lines.all.count == 1)
        let text = try #require(lines.all.first)
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return (text, try #require(object as? [String: Any]))
    }

    @Test("are an object a line, with metadata under their own names")
    func fields() throws {
        let (text, fields) = try Self.line { logger in
            logger[metadataKey: "hb.request.id"] = "7f"
            logger.info("Job started", metadata: ["job.id": "x", "ranks": ["4", "8"], "of": ["a": "b"]])
        }
        #expect(!text.contains("\n"))
        #expect(fields["time"] as? String == "2027-01-15T08:00:00.250Z")
        #expect(fields["level"] as? String == "info")
        #expect(fields["logger"] as? String == "tributary.server")
        #expect(fields["message"] as? String == "Job started")
        #expect(fields["hb.request.id"] as? String == "7f")
        #expect(fields["job.id"] as? String == "x")
        #expect(fields["ranks"] as? [String] == ["4", "8"])
        #expect(fields["of"] as? [String: String] == ["a": "b"])
    }

    @Test("hold whatever a peer says without becoming two lines or another field")
    func hostileText() throws {
        let (text, fields) = try Self.line { logger in
            logger.info("x", metadata: ["reason": "a\"},\n{\"level\":\"critical\u{1B}[31m", "level": "critical"])
        }
        #expect(!text.contains("\n"))
        #expect(fields["level"] as? String == "info")
        #expect(fields["metadata.level"] as? String == "critical")
        #expect(fields["reason"] as? String == "a\"},\n{\"level\":\"critical\u{1B}[31m")
    }
}
