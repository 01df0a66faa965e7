import FederatedLearning
import Foundation
import Hummingbird
import HummingbirdTesting
import TestSupport
import Testing

@testable import Coordinator

@Suite("GET /metrics")
struct MetricsExpositionTests {
    /// Returns what a scrape of a server with one running job reads.
    private static func scrape() async throws -> String {
        let text = Captured()
        try await AdminFixture.withAPI { client, store in
            _ = try await store.enrol("berlin")
            try await store.openRound(for: ["berlin"])
            let token = AdminToken.forMetrics(of: AdminFixture.token)
            let headers: HTTPFields = [.authorization: "Bearer \(token)"]
            try await client.execute(uri: "/metrics", method: .get, headers: headers) { response in
                #expect(response.status == .ok)
                #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
                await text.set(String(buffer: response.body))
            }
        }
        return await text.value
    }

    private actor Captured {
        private(set) var value = ""
        func set(_ value: String) { self.value = value }
    }

    /// The names that stand before values, without labels.
    private static func names(in text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").filter { !$0.hasPrefix("#") }
                .map { String($0.prefix { $0 != " " && $0 != "{" }) }
        )
    }

    @Test("tells what the server counts, holds and costs")
    func figures() async throws {
        let lines = try await Self.scrape().split(separator: "\n").map(String.init)
        #expect(lines.contains("tributary_enrolled_clients 1"))
        #expect(lines.contains("tributary_connected_clients 0"))
        #expect(lines.contains(#"tributary_jobs{phase="running"} 1"#))
        #expect(lines.contains(#"tributary_jobs{phase="budget exhausted"} 0"#))
        #expect(lines.contains("tributary_job_rounds_committed 0"))
        #expect(lines.contains { $0.hasPrefix("tributary_job_rounds ") && $0 != "tributary_job_rounds 0" })
        #expect(lines.contains(#"tributary_rounds_total{outcome="committed"} 0"#))
        #expect(lines.contains("tributary_build_info{version=\"\(Software.version)\"} 1"))
        #expect(lines.contains { $0.hasPrefix("process_resident_memory_bytes ") })
        #expect(lines.contains { $0.hasPrefix("process_cpu_seconds_total ") })
    }

    @Test("names no client and no job")
    func cardinality() async throws {
        let text = try await Self.scrape()
        #expect(!text.contains("berlin"))
        #expect(!text.contains(JobID.sample.rawValue))
        let labels = Set(text.matches(of: #/[{,](?<name>[a-z_]+)="/#).map { String($0.name) })
        #expect(labels == ["outcome", "direction", "phase", "version", "le"])
        #expect(text.split(separator: "\n").count < 150)
    }

    @Test("each metric says what it means, in its own words and in the article")
    func documentation() async throws {
        let text = try await Self.scrape()
        let article = try String(
            contentsOf: Self.root.appendingPathComponent("Sources/Coordinator/Coordinator.docc/Observability.md"),
            encoding: .utf8
        )
        for line in text.split(separator: "\n") where line.hasPrefix("# HELP ") {
            let words = line.split(separator: " ", maxSplits: 3)
            #expect(words.count == 4 && !words[3].hasPrefix("tributary_"), "\(line)")
            #expect(article.contains("`\(words[2])`"), "\(words[2]) is not in the article")
        }
    }

    @Test("every query of the Grafana dashboard uses names that exist")
    func grafana() async throws {
        let names = try await Self.names(in: Self.scrape())
        let file = Self.root.appendingPathComponent("packaging/grafana/tributary.json")
        let dashboard = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        let queries = Self.queries(in: dashboard)
        #expect(queries.count > 8)
        for query in queries {
            let used = query.matches(of: #/\b(tributary|process)_[a-z_]+/#).map { String($0.output.0) }
            #expect(!used.isEmpty, "\(query)")
            for name in used { #expect(names.contains(name), "\(name) of \(query) does not exist") }
        }
    }

    @Test("opens with the token for figures, which opens nothing else")
    func token() async throws {
        try await AdminFixture.withAPI { client, _ in
            let token = AdminToken.forMetrics(of: AdminFixture.token)
            #expect(token != AdminFixture.token)
            for (path, token, status) in [
                ("/metrics", token, HTTPResponse.Status.ok), ("/metrics", AdminFixture.token, .ok),
                ("/metrics", AdminToken.generate(), .unauthorized), ("/v1/health", token, .unauthorized),
                ("/v1/overview", token, .unauthorized),
            ] {
                try await client.execute(uri: path, method: .get, headers: [.authorization: "Bearer \(token)"]) {
                    #expect($0.status == status)
                }
            }
            try await client.execute(uri: "/metrics", method: .get) { #expect($0.status == .unauthorized) }
        }
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every `expr`, however deep.
    private static func queries(in value: Any) -> [String] {
        switch value {
        case let object as [String: Any]:
            object.flatMap { key, value in
                key == "expr" ? [value as? String].compactMap { $0 } : queries(in: value)
            }
        case let list as [Any]: list.flatMap(queries)
        default: []
        }
    }
}
