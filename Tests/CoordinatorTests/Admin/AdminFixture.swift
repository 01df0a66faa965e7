import FederatedLearning
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import TestSupport
import Testing
import Transport
import WireProtocol

@testable import Coordinator

/// The admin API of a server that runs no jobs, with nothing but a router.
enum AdminFixture {
    static let token = AdminToken.generate()
    /// What the server's first lines print.
    static let dashboardToken = AdminToken.generate()
    /// What a program shows.
    static let headers: HTTPFields = [.authorization: "Bearer \(token)"]

    /// Lends the API and its store.
    static func withAPI(
        figures: MetricsRegistry = MetricsRegistry(),
        now: @escaping @Sendable () -> Date = { .sample },
        failed: @escaping @Sendable (any Error) -> Void = { _ in },
        _ body: @escaping @Sendable (any TestClientProtocol, CoordinatorStore) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let registry = SessionRegistry(metrics: CoordinatorMetrics(factory: figures))
            let runner = JobRunner(store: store, logger: Logger(label: "test")) { _ in throw CancellationError() }
            let api = AdminAPI(
                administration: Administration(
                    store: store,
                    registry: registry,
                    runner: runner,
                    invite: { name, seconds in
                        guard ClientName.isValid(name) else { throw CoordinatorError.invalidClientName(name) }
                        return try .sample(validFor: seconds)
                    },
                    now: now
                ),
                token: token,
                dashboardTokens: [dashboardToken],
                metrics: figures,
                failed: failed
            )
            // Streams of live events end with the feed.
            defer { store.feed.close() }
            try await Application(router: api.router()).test(.router) { client in try await body(client, store) }
        }
    }
}

extension TestClientProtocol {
    /// Returns what the API answers at `path`.
    func get<Value: Decodable & Sendable>(
        _ path: String,
        headers: HTTPFields = AdminFixture.headers
    ) async throws -> Value {
        try await execute(uri: path, method: .get, headers: headers) { response in
            #expect(response.status == .ok)
            return try AdminCoding.decode(Value.self, from: Data(response.body.readableBytesView))
        }
    }

    /// Logs in as a browser does, and returns the headers that it sends from then on.
    func logIn(with token: String = AdminFixture.dashboardToken) async throws -> HTTPFields {
        let body = ByteBuffer(string: #"{"token":"\#(token)"}"#)
        return try await execute(uri: "/login", method: .post, headers: .fromDashboard, body: body) { response in
            #expect(response.status == .noContent)
            let cookie = try #require(response.headers[.setCookie]?.split(separator: ";").first)
            return HTTPFields.fromDashboard.merging([.cookie: String(cookie)])
        }
    }
}

extension HTTPFields {
    /// What a browser adds to a request of the dashboard's own page.
    static let fromDashboard: HTTPFields = {
        var fields: HTTPFields = [.origin: "http://localhost"]
        fields[.secFetchSite] = "same-origin"
        return fields
    }()

    func merging(_ other: HTTPFields) -> HTTPFields {
        var fields = self
        for field in other { fields[field.name] = field.value }
        return fields
    }
}

extension HeaderName {
    static let secFetchSite = Self("Sec-Fetch-Site") ?? .origin
    static let requestID = Self("X-Request-Id") ?? .origin
    static let contentSecurityPolicy = Self("Content-Security-Policy") ?? .origin
}

extension JoinString {
    static func sample(validFor seconds: Int) throws -> JoinString {
        let fingerprint = try #require(CertificateFingerprint(bytes: [UInt8](repeating: 7, count: 32)))
        return try JoinString(
            host: "fed.example.org",
            port: 8444,
            authorityFingerprint: fingerprint,
            secret: [UInt8](repeating: 1, count: 32),
            expiry: .sample + TimeInterval(seconds)
        )
    }
}
