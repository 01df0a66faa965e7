import Hummingbird
import Testing

@testable import Coordinator

@Suite("Request origin")
struct RequestOriginTests {
    private static func origin(_ authority: String?) -> RequestOrigin {
        RequestOrigin(authority: authority, method: .get, headers: [:])
    }

    @Test(
        "takes requests for this machine by names that nobody else can take",
        arguments: ["127.0.0.1", "127.0.0.1:8445", "127.9.8.7:1", "localhost", "localhost:8445", "[::1]", "[::1]:8445"]
    )
    func loopback(_ authority: String) {
        #expect(Self.origin(authority).isForLoopback)
    }

    @Test(
        "refuses other names, whatever they resolve to",
        arguments: [
            nil, "", ":8445", "evil.example", "evil.example:8445", "127.0.0.1.evil.example", "localhost.evil.example",
            "10.0.0.1",
            "127.evil:80", "[::2]", "[", "192.168.0.1:8445", "LOCALHOST.",
        ]
    )
    func others(_ authority: String?) {
        #expect(!Self.origin(authority).isForLoopback)
    }

    @Test("knows the port, so that two servers on a machine have cookies of their own")
    func port() {
        #expect(Self.origin("127.0.0.1:8445").port == "8445")
        #expect(Self.origin("[::1]:9").port == "9")
        #expect(Self.origin("localhost").port == "80")
        #expect(Self.origin("localhost:8445; x").port == "80")
    }

    @Test("a request for another host gets nothing, with the right token, too")
    func rebinding() {
        let forged = RequestOrigin(
            authority: "evil.example:8445",
            method: .get,
            headers: [.origin: "http://evil.example:8445"]
        )
        // Of the same origin as itself, and yet not for this server.
        #expect(forged.isFromDashboard)
        #expect(!forged.isForLoopback)
    }
}
