import FederatedLearning
import Foundation
import Hummingbird
import HummingbirdTesting
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite("Access to the dashboard")
struct DashboardAccessTests {
    /// What a browser may be made to ask for.
    private static let reads = ["/v1/overview", "/v1/clients/search", "/v1/audit", "/v1/jobs"]

    @Test("sends whoever is not logged in to the login, and shows nothing")
    func stranger() async throws {
        try await AdminFixture.withAPI { client, _ in
            try await client.execute(uri: "/", method: .get) { response in
                #expect(response.status == .seeOther)
                #expect(response.headers[.location] == "/login")
                #expect(response.body.readableBytes == 0)
            }
            for path in Self.reads {
                try await client.execute(uri: path, method: .get, headers: .fromDashboard) {
                    #expect($0.status == .unauthorized)
                }
            }
            let forged = HTTPFields.fromDashboard.merging([.cookie: "tributary-80=\(AdminToken.generate())"])
            try await client.execute(uri: "/v1/overview", method: .get, headers: forged) {
                #expect($0.status == .unauthorized)
            }
        }
    }

    @Test("opens with the token of the first lines and with the admin token, in a cookie that no script reads")
    func login() async throws {
        try await AdminFixture.withAPI { client, _ in
            for token in [AdminFixture.dashboardToken, AdminFixture.token] {
                let headers = try await client.logIn(with: token)
                try await client.execute(uri: "/", method: .get, headers: headers) { #expect($0.status == .ok) }
                let overview: Overview = try await client.get("/v1/overview", headers: headers)
                #expect(overview.clients == ClientCounts(enrolled: 0, connected: 0, revoked: 0))
            }
            let body = ByteBuffer(string: #"{"token":"\#(AdminFixture.token)"}"#)
            try await client.execute(uri: "/login", method: .post, headers: .fromDashboard, body: body) {
                let cookie = try #require($0.headers[.setCookie])
                #expect(cookie.contains("HttpOnly"))
                #expect(cookie.contains("SameSite=Strict"))
                #expect(!cookie.contains(AdminFixture.token))
            }
        }
    }

    @Test(
        "refuses wrong, missing, oversized and malformed tokens",
        arguments: [
            (#"{"token":"x"}"#, 401), (#"{"token":""}"#, 401), ("{}", 400), ("token", 400), (#"{"token":1}"#, 400),
            (#"{"token":"\#(String(repeating: "x", count: 2000))"}"#, 413),
        ]
    )
    func wrongLogin(_ body: String, _ status: Int) async throws {
        try await AdminFixture.withAPI { client, _ in
            try await client.execute(
                uri: "/login",
                method: .post,
                headers: .fromDashboard,
                body: ByteBuffer(string: body)
            ) { response in
                #expect(response.status.code == status)
                #expect(response.headers[.setCookie] == nil)
            }
        }
    }

    @Test("ends a session when it is logged out, and after twelve hours")
    func endOfSession() async throws {
        let clock = Mutex(Date.sample)
        try await AdminFixture.withAPI(now: { clock.withLock { $0 } }) { client, _ in
            func status(_ headers: HTTPFields) async throws -> HTTPResponse.Status {
                try await client.execute(uri: "/v1/overview", method: .get, headers: headers) { $0.status }
            }
            let first = try await client.logIn()
            let second = try await client.logIn()
            try await client.execute(uri: "/logout", method: .post, headers: first) { #expect($0.status == .noContent) }
            #expect(try await status(first) == .unauthorized)
            #expect(try await status(second) == .ok)
            clock.withLock { $0 += SessionTable.lifetime }
            #expect(try await status(second) == .unauthorized)
        }
    }

    /// What other pages of the same browser can send, with the cookie.
    struct Forgery: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let origin: String?
        let site: String?

        static let all = [
            Forgery(testDescription: "another site", origin: "https://evil.example", site: "cross-site"),
            Forgery(testDescription: "another port", origin: "http://localhost:9000", site: "same-site"),
            Forgery(testDescription: "a sandboxed frame", origin: "null", site: "cross-site"),
            Forgery(testDescription: "an old browser on another site", origin: "https://evil.example", site: nil),
            Forgery(testDescription: "the right name in another scheme", origin: "https://localhost", site: nil),
        ]
    }

    @Test("refuses what another page asks with the cookie, and does nothing", arguments: Forgery.all)
    func forgery(_ forgery: Forgery) async throws {
        try await AdminFixture.withAPI { client, store in
            _ = try await store.enrol("berlin")
            try await store.submitSample()
            var headers = try await client.logIn()
            headers[.origin] = forgery.origin
            headers[.secFetchSite] = forgery.site
            let invitation = ByteBuffer(string: #"{"seconds":600}"#)
            for path in [
                "/v1/clients/berlin/revoke", "/v1/clients/paris/invite", "/v1/jobs/\(JobID.sample)/cancel", "/logout",
            ] {
                try await client.execute(uri: path, method: .post, headers: headers, body: invitation) {
                    #expect($0.status == .forbidden)
                }
            }
            for path in Self.reads {
                try await client.execute(uri: path, method: .get, headers: headers) { #expect($0.status == .forbidden) }
            }
            #expect(try await store.clients.clients().map(\.revokedAt) == [nil])
            #expect(try await store.jobs.summary(of: .sample).phase == .pending)
            try await client.execute(uri: "/v1/overview", method: .get, headers: client.logIn()) {
                #expect($0.status == .ok)
            }
        }
    }

    @Test("refuses to change anything for a browser that does not say where a request comes from")
    func silentOrigin() async throws {
        try await AdminFixture.withAPI { client, _ in
            var headers = try await client.logIn()
            headers[.origin] = nil
            try await client.execute(uri: "/v1/keys/reload", method: .post, headers: headers) {
                #expect($0.status == .forbidden)
            }
            headers[.secFetchSite] = "none"
            try await client.execute(uri: "/v1/keys/reload", method: .post, headers: headers) {
                #expect($0.status == .forbidden)
            }
            // An address that the user typed.
            try await client.execute(uri: "/v1/overview", method: .get, headers: headers) { #expect($0.status == .ok) }
        }
    }

    @Test("does not let a login be forged")
    func loginForgery() async throws {
        try await AdminFixture.withAPI { client, _ in
            try await client.execute(
                uri: "/login",
                method: .post,
                headers: [.origin: "https://evil.example"],
                body: ByteBuffer(string: #"{"token":"\#(AdminFixture.token)"}"#)
            ) { #expect($0.status == .forbidden) }
        }
    }
}
