import Testing

@testable import Coordinator

@Suite("Listen address")
struct ListenAddressTests {
    @Test(
        "reads hosts, addresses and ports",
        arguments: ["127.0.0.1:8443", "[::1]:0", "fed.example.org:65535", "0.0.0.0:1"]
    )
    func reads(_ text: String) throws {
        #expect(try "\(ListenAddress(parsing: text))" == text)
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", ":", "8443", "host", "host:", ":1", "host:65536", "host:-1", "host:+1", "host:1x", "::1:5", "a b:1",
            "[]:1",
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: CoordinatorError.invalidAddress(text)) { try ListenAddress(parsing: text) }
    }

    @Test("knows what only this machine can reach")
    func loopback() {
        #expect(ListenAddress(host: "127.8.8.8", port: 1).isLoopback)
        #expect(ListenAddress(host: "::1", port: 1).isLoopback)
        #expect(!ListenAddress(host: "0.0.0.0", port: 1).isLoopback)
        #expect(!ListenAddress(host: "10.127.0.1", port: 1).isLoopback)
    }

    @Test("finds the next ports, and none past the last")
    func advances() {
        #expect(ListenAddress(host: "h", port: 8443).advanced(by: 2)?.port == 8445)
        #expect(ListenAddress(host: "h", port: 0).advanced(by: 2)?.port == 0)
        #expect(ListenAddress(host: "h", port: 65_534).advanced(by: 2) == nil)
    }
}
