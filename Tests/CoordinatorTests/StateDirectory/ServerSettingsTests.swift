import Foundation
import TestSupport
import Testing

@testable import Coordinator

@Suite("Server settings")
struct ServerSettingsTests {
    private struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let yaml: String
        let mentions: String
    }

    private static let flaws = [
        Case(testDescription: "an unknown key", yaml: valid + "port: 3\n", mentions: "`port`"),
        Case(
            testDescription: "a missing key",
            yaml: valid.replacing("admin_listen", with: "# admin_listen"),
            mentions: "`admin_listen`"
        ),
        Case(
            testDescription: "an address without a port",
            yaml: valid.replacing("127.0.0.1:1", with: "127.0.0.1"),
            mentions: "HOST:PORT"
        ),
        Case(
            testDescription: "an admin API for everybody",
            yaml: valid.replacing("admin_listen: 127.0.0.1", with: "admin_listen: 0.0.0.0"),
            mentions: "admin_listen"
        ),
        Case(testDescription: "no validity", yaml: valid + "certificate_hours: 0\n", mentions: "certificate_hours"),
        Case(
            testDescription: "an impossible size",
            yaml: valid + "payload_mebibytes: -1\n",
            mentions: "payload_mebibytes"
        ),
        Case(testDescription: "another type", yaml: valid + "certificate_hours: [1]\n", mentions: "certificate_hours"),
        Case(testDescription: "no YAML", yaml: "listen: [", mentions: "YAML"),
        Case(testDescription: "nothing", yaml: "", mentions: "no keys"),
    ]

    private static let valid = """
        listen: 127.0.0.1:1
        enrolment_listen: "[::1]:2"
        admin_listen: 127.0.0.1:3

        """

    @Test("reads what it writes")
    func roundTrip() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("server.yaml")
            let settings = try ServerSettings.standard(
                listen: ListenAddress(host: "::", port: 8443),
                hosts: ["fed.example.org", "10.0.0.1"]
            )
            try Data(settings.yaml.utf8).write(to: file)
            #expect(try ServerSettings(contentsOf: file) == settings)
            #expect(settings.enrolmentListen == ListenAddress(host: "::", port: 8444))
            #expect(settings.adminListen == ListenAddress(host: "127.0.0.1", port: 8445))
            #expect(settings.advertisedHost == "fed.example.org")
        }
    }

    @Test("takes its defaults where a key may be left out")
    func defaults() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("server.yaml")
            try Data(Self.valid.utf8).write(to: file)
            let settings = try ServerSettings(contentsOf: file)
            #expect(settings.certificateHours == 24)
            #expect(settings.maximumPayload == 4 << 30)
            #expect(settings.advertisedHost == "127.0.0.1")
        }
    }

    @Test("says which key is wrong", arguments: flaws)
    private func refuses(_ test: Case) async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("server.yaml")
            try Data(test.yaml.utf8).write(to: file)
            let error = #expect(throws: CoordinatorError.self) { try ServerSettings(contentsOf: file) }
            #expect(error?.description.contains(test.mentions) == true, "\(String(describing: error))")
        }
    }
}
