import Coordinator
import FederatedLearning
import FederationHarness
import Foundation
import HostilePeers
import NIOCore

/// What other users and programs of the server's machine may try on the admin API, without its token and with it.
enum AdminAttacks {
    static let all: [Attack] = withoutToken + paths + bodies + jobs + connections

    /// Sends a request that is made with the right token, and expects a status.
    private static func request(
        _ name: String,
        _ statuses: [Int],
        _ threat: Threat = .adminInput,
        takesLong: Bool = false,
        _ make: @Sendable @escaping (_ token: String) -> [UInt8]
    ) -> Attack {
        Attack(
            "admin/\(name)",
            threat,
            .does { field in
                let observation = try await field.request(make(try field.federation.state.adminToken()))
                try Outcome.status(statuses).check(observation)
            },
            .asTheDeedSays,
            takesLong: takesLong
        )
    }

    // MARK: - Without the token

    private static func barred(_ name: String, _ headers: @Sendable @escaping (_ token: String) -> [String]) -> Attack {
        request(name, [401], .adminAccess) { HTTPText.request("GET", "/v1/clients", token: nil, headers: headers($0)) }
    }

    private static let withoutToken: [Attack] = [
        barred("shows-no-token") { _ in [] },
        barred("shows-another-token") { _ in ["Authorization: Bearer \(AdminToken.generate())"] },
        barred("shows-an-empty-token") { _ in ["Authorization: Bearer "] },
        barred("shows-no-scheme") { ["Authorization: \($0)"] },
        barred("shows-another-scheme") { ["Authorization: Basic \($0)"] },
        barred("shows-the-token-without-its-last-letter") { ["Authorization: Bearer \($0.dropLast())"] },
        barred("shows-the-token-and-more") { ["Authorization: Bearer \($0)x"] },
        barred("shows-the-token-in-small-letters") { ["Authorization: Bearer \($0.lowercased())"] },
        barred("shows-the-token-as-a-cookie") { ["Cookie: token=\($0)"] },
        request("shows-the-token-in-the-path", [401], .adminAccess) {
            HTTPText.get("/v1/clients?token=\($0)", token: nil)
        },
        request("shows-a-token-of-a-mebibyte", [401, 431, 400, 0], .adminAccess) { _ in
            HTTPText.get("/v1/clients", token: String(repeating: "x", count: 1 << 20))
        },
        request("submits-without-a-token", [401], .adminAccess) { _ in
            HTTPText.request("POST", "/v1/jobs", token: nil, body: Array("{}".utf8))
        },
        request("revokes-without-a-token", [401], .adminAccess) { _ in
            HTTPText.request("POST", "/v1/clients/\(AttackField.honest[0])/revoke", token: nil)
        },
    ]

    // MARK: - Paths

    private static func path(_ name: String, _ path: String, _ statuses: [Int] = [404]) -> Attack {
        request("path-\(name)", statuses) { HTTPText.get(path, token: $0) }
    }

    private static let paths: [Attack] = [
        path("of-a-job-that-never-was", "/v1/jobs/6f1c0d0a-0000-4000-8000-00000000dead"),
        path("out-of-the-folder", "/v1/jobs/../../../../etc/passwd"),
        path("out-of-the-folder-encoded", "/v1/jobs/..%2f..%2f..%2fetc%2fpasswd/adapter"),
        path("out-of-the-folder-encoded-twice", "/v1/jobs/%252e%252e%252f/adapter"),
        path("with-a-nul", "/v1/jobs/x%00y"),
        path("of-sql", "/v1/jobs/'%20OR%201=1;--"),
        path("of-broken-percents", "/v1/jobs/%zz%", [404, 400]),
        path("of-bytes-that-are-not-utf-8", "/v1/jobs/%c3%28", [404, 400]),
        path("of-a-hundred-kibibytes", "/v1/jobs/\(String(repeating: "x", count: 100_000))", [404, 414, 431, 400, 0]),
        path("of-ten-thousand-slashes", String(repeating: "/", count: 10_000), [404, 400, 0]),
        path("of-another-version", "/v2/health"),
        path("of-metrics-in-another-format", "/v1/jobs/x/metrics?format=%00csv"),
        request("revokes-a-path", [404, 400]) { HTTPText.request("POST", "/v1/clients/..%2f../revoke", token: $0) },
        request("revokes-nobody", [404]) { HTTPText.request("POST", "/v1/clients/nobody/revoke", token: $0) },
        request("cancels-nothing", [404]) { HTTPText.request("POST", "/v1/jobs/x/cancel", token: $0) },
        request("deletes", [404, 405]) { HTTPText.request("DELETE", "/v1/jobs", token: $0) },
        request("traces", [404, 405]) { HTTPText.request("TRACE", "/v1/jobs", token: $0) },
        request("uses-a-method-of-its-own", [404, 405, 400]) { HTTPText.request("HACK", "/v1/jobs", token: $0) },
    ]

    // MARK: - Bodies

    private static func body(_ name: String, _ statuses: [Int], _ body: @Sendable @escaping () -> [UInt8]) -> Attack {
        request("body-\(name)", statuses) { HTTPText.request("POST", "/v1/jobs", token: $0, body: body()) }
    }

    private static let bodies: [Attack] = [
        body("is-no-json", [400]) { Array("hello".utf8) },
        body("is-another-json", [400]) { Array(#"{"yaml":1}"#.utf8) },
        body("nests-two-hundred-thousand-lists", [400]) { [UInt8](repeating: UInt8(ascii: "["), count: 200_000) },
        body("nests-fifty-thousand-objects", [400]) { Array(String(repeating: #"{"a":"#, count: 50_000).utf8) },
        body("has-a-number-of-ten-thousand-digits", [400]) {
            Array(#"{"yaml":\#(String(repeating: "9", count: 10_000))}"#.utf8)
        },
        body("is-a-mebibyte", [413]) { [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20) },
        body("is-sixteen-mebibytes", [413, 0]) { [UInt8](repeating: UInt8(ascii: " "), count: 16 << 20) },
        body("is-not-utf-8", [400]) { Array(#"{"yaml":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8) },
        request("body-claims-an-exbibyte", [413, 400, 0], takesLong: true) { token in
            HTTPText.request("POST", "/v1/jobs", token: token, headers: ["Content-Length: 1152921504606846976"])
        },
        request("body-claims-less-than-nothing", [400, 0]) { token in
            HTTPText.request("POST", "/v1/jobs", token: token, headers: ["Content-Length: -1"])
        },
        request("body-claims-two-lengths", [400, 0]) { token in
            HTTPText.request("POST", "/v1/jobs", token: token, headers: ["Content-Length: 2", "Content-Length: 30"])
                + Array("{}".utf8)
        },
        request("body-claims-a-length-and-chunks", [400, 0]) { token in
            HTTPText.request(
                "POST",
                "/v1/jobs",
                token: token,
                headers: ["Content-Length: 4", "Transfer-Encoding: chunked"]
            ) + Array("0\r\n\r\nGET /v1/health HTTP/1.1\r\n\r\n".utf8)
        },
        request("body-has-a-chunk-of-2-to-the-64", [400, 413, 0], takesLong: true) { token in
            HTTPText.request("POST", "/v1/jobs", token: token, headers: ["Transfer-Encoding: chunked"])
                + Array("FFFFFFFFFFFFFFFF\r\nx".utf8)
        },
        request("body-has-a-chunk-of-minus-1", [400, 0]) { token in
            HTTPText.request("POST", "/v1/jobs", token: token, headers: ["Transfer-Encoding: chunked"])
                + Array("-1\r\nx\r\n".utf8)
        },
    ]

    // MARK: - Job files

    /// Submits a job file, which has to be refused before anything is kept of it.
    private static func job(_ name: String, _ yaml: @Sendable @escaping () -> String) -> Attack {
        request("job-\(name)", [400]) { token in
            let submission = JobSubmission(
                yaml: yaml(),
                modelPath: TinyModel.directory.path,
                modelDigest: ContentDigest(hashing: [1])
            )
            let body = (try? AdminCoding.encode(submission)) ?? Data()
            return HTTPText.request("POST", "/v1/jobs", token: token, body: Array(body))
        }
    }

    private static let jobs: [Attack] = [
        job("is-empty") { "" },
        job("is-a-list") { "- a\n- b\n" },
        job("laughs-a-billion-times") {
            let levels = (1..<10).map { level in
                "l\(level): &l\(level) [\((0..<9).map { _ in "*l\(level - 1)" }.joined(separator: ","))]"
            }
            return "l0: &l0 ha\n" + levels.joined(separator: "\n") + "\n"
        },
        job("laughs-in-its-keys") {
            let levels = (1..<10).map { level in
                "? &k\(level) {\((0..<9).map { "a\($0): *k\(level - 1)" }.joined(separator: ","))}\n: x"
            }
            return "? &k0 ha\n: x\n" + levels.joined(separator: "\n") + "\n"
        },
        job("refers-to-itself") { "a: &a [*a]\n" },
        job("nests-ten-thousand-lists") { "name: " + String(repeating: "[", count: 10_000) },
        job("nests-ten-thousand-objects") { "name: " + String(repeating: "{a: ", count: 10_000) },
        job("is-indented-a-thousand-times") {
            (0..<400).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
        },
        job("has-a-tag-of-python") { "name: !!python/object/apply:os.system [true]\n" },
        job("has-two-documents") { "name: a\n---\nname: b\n" },
        job("has-a-key-twice") { "name: a\nname: b\n" },
        job("has-an-unknown-key") { "name: a\nexec: rm -rf /\n" },
        job("has-a-nul") { "name: a\u{0}b\n" },
        job("is-three-hundred-kibibytes") { "name: " + String(repeating: "x", count: 300_000) },
        job("has-a-billion-rounds") { Self.text(rounds: "1000000000") },
        job("has-minus-one-round") { Self.text(rounds: "-1") },
        job("has-half-a-round") { Self.text(rounds: "0.5") },
        job("has-2-to-the-64-rounds") { Self.text(rounds: "18446744073709551616") },
        job("has-a-rank-of-a-billion") { Self.text(rank: "1000000000") },
        job("has-an-alpha-that-is-no-number") { Self.text(alpha: ".nan") },
        job("has-an-infinite-alpha") { Self.text(alpha: ".inf") },
        job("names-a-strategy-that-is-code") { Self.text(strategy: "{name: \"__import__('os')\"}") },
    ]

    private static func text(
        rounds: String = "1",
        rank: String = "8",
        alpha: String = "16",
        strategy: String = "{name: fedavg}"
    ) -> String {
        """
        name: attack
        model: tiny-bert
        task: sequence-classification
        labels: [bad, good]
        adapter: {r: \(rank), lora_alpha: \(alpha), target_modules: [query, value], modules_to_save: [classifier]}
        strategy: \(strategy)
        rounds: \(rounds)
        cohort: {size: 2, minimum: 2, deadline: 10s}
        training: {epochs: 1, batch_size: 4, max_length: 16, learning_rate: 1.0e-2}

        """
    }

    // MARK: - Connections

    private static let connections: [Attack] = [
        request("has-ten-thousand-headers", [400, 431, 200, 0]) { token in
            HTTPText.request("GET", "/v1/health", token: token, headers: (0..<10_000).map { "X-\($0): x" })
        },
        request("has-a-header-of-a-mebibyte", [400, 431, 0]) { token in
            HTTPText.request(
                "GET",
                "/v1/health",
                token: token,
                headers: ["X: \(String(repeating: "x", count: 1 << 20))"]
            )
        },
        request("smuggles-a-line-into-a-header", [400, 200, 0]) { token in
            HTTPText.request("GET", "/v1/health", token: token, headers: ["X: a\nY: b"])
        },
        request("speaks-http-0-9", [400, 401, 505, 0]) { _ in Array("GET /v1/health\r\n\r\n".utf8) },
        request("speaks-noise", [400, 0]) { _ in Wire.noise(4096, seed: 17) },
        request("speaks-our-own-protocol", [400, 0]) { _ in Wire.bytes(.hello) },
        Attack(
            "admin/holds-three-hundred-connections",
            .adminInput,
            .does { field in
                let port = field.port(of: .admin)
                var channels: [any Channel] = []
                for _ in 0..<300 { channels.append(try await RawTCPPeer.connect(to: port)) }
                try await field.completeRound()
                try await field.checkServer()
                for channel in channels { channel.close(promise: nil) }
            },
            .asTheDeedSays
        ),
        Attack(
            "admin/never-ends-its-request",
            .slowness,
            .sends(.plain, to: .admin, Array("GET /v1/h".utf8)),
            .closed,
            takesLong: true
        ),
    ]
}
