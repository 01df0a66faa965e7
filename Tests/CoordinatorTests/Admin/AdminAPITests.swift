import FederatedLearning
import Foundation
import GRDB
import Hummingbird
import HummingbirdTesting
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite("Admin API")
struct AdminAPITests {
    private static let job = """
        name: sentiment
        model: minilm
        task: sequence-classification
        labels: [negative, positive]
        adapter: {r: 4, lora_alpha: 8, target_modules: [query]}
        strategy: {name: fedavg}
        rounds: 2
        cohort: {size: 2}
        """

    @Test(
        "shows nothing to who does not show the token",
        arguments: ["", "Bearer", "Bearer ", "Bearer x", "Basic \(AdminFixture.token)"]
    )
    func gate(_ header: String) async throws {
        try await AdminFixture.withAPI { client, _ in
            let paths = [
                "/v1/health", "/v1/overview", "/v1/live", "/v1/audit", "/v1/clients", "/v1/clients/search", "/v1/jobs",
                "/v1/jobs/x", "/v1/jobs/x/adapter", "/v1/jobs/x/adapter.tar", "/v1/jobs/x/clients/y",
                "/v1/jobs/x/events",
                "/v1/jobs/x/file", "/v1/jobs/x/metrics", "/v1/jobs/x/privacy", "/v1/jobs/x/rounds",
                "/v1/jobs/x/rounds/1",
                "/metrics",
            ]
            for path in paths {
                try await client.execute(uri: path, method: .get, headers: [.authorization: header]) { response in
                    #expect(response.status == .unauthorized)
                }
            }
            try await client.execute(uri: "/v1/jobs", method: .post) { #expect($0.status == .unauthorized) }
        }
    }

    @Test("says that it serves, and how many clients are connected")
    func health() async throws {
        try await AdminFixture.withAPI { client, _ in
            let health: AdminHealth = try await client.get("/v1/health")
            #expect(health == AdminHealth(status: "serving", connectedClients: 0, runningJob: nil))
        }
    }

    @Test("says why it failed, and tells whoever watches the storage")
    func failures() async throws {
        let failures = Mutex<[any Error]>([])
        try await AdminFixture.withAPI(failed: { error in failures.withLock { $0.append(error) } }) { client, store in
            try await store.runs.database.writer.write { db in try db.execute(sql: "ALTER TABLE job RENAME TO gone") }
            try await client.execute(uri: "/v1/jobs", method: .get, headers: AdminFixture.headers) { response in
                #expect(response.status == .internalServerError)
                #expect(String(buffer: response.body).contains("no such table"))
            }
            #expect(failures.withLock { $0.count } == 1)
            #expect(failures.withLock { $0.first is DatabaseError })
        }
    }

    @Test("takes a job, lists it, reports on it and cancels it")
    func jobs() async throws {
        try await AdminFixture.withAPI { client, store in
            let submission = JobSubmission(yaml: Self.job, modelPath: "/m", modelDigest: .sampleModel, token: "t")
            let body = ByteBuffer(bytes: try AdminCoding.encode(submission))
            let id = try await client.execute(uri: "/v1/jobs", method: .post, headers: AdminFixture.headers, body: body)
            {
                #expect($0.status == .created)
                return try AdminCoding.decode(AdminSubmitted.self, from: Data($0.body.readableBytesView)).id
            }
            #expect(try await store.jobs.job(id).submission == submission)
            // The same token again, as after a lost answer.
            try await client.execute(uri: "/v1/jobs", method: .post, headers: AdminFixture.headers, body: body) {
                let again = try AdminCoding.decode(AdminSubmitted.self, from: Data($0.body.readableBytesView))
                #expect(again.id == id)
            }

            let list: [JobSummary] = try await client.get("/v1/jobs")
            #expect(list.map(\.name) == ["sentiment"])
            let report: JobReport = try await client.get("/v1/jobs/\(id)")
            #expect(report.summary == list.first)

            for status in [HTTPResponse.Status.noContent, .conflict] {
                try await client.execute(uri: "/v1/jobs/\(id)/cancel", method: .post, headers: AdminFixture.headers) {
                    #expect($0.status == status)
                }
            }
            #expect(try await store.jobs.summary(of: id).phase == .cancelled)
        }
    }

    @Test("refuses a job file that is wrong, with the sentence that says where")
    func wrongJob() async throws {
        try await AdminFixture.withAPI { client, store in
            let yaml = Self.job.replacing("rounds: 2", with: "round: 2")
            let submission = JobSubmission(yaml: yaml, modelPath: "/m", modelDigest: .sampleModel)
            let body = ByteBuffer(bytes: try AdminCoding.encode(submission))
            try await client.execute(uri: "/v1/jobs", method: .post, headers: AdminFixture.headers, body: body) {
                #expect($0.status == .badRequest)
                #expect(String(buffer: $0.body).contains("rounds"))
            }
            try await client.execute(
                uri: "/v1/jobs",
                method: .post,
                headers: AdminFixture.headers,
                body: ByteBuffer(string: "{}")
            ) { #expect($0.status == .badRequest) }
            #expect(try await store.jobs.summaries().isEmpty)
        }
    }

    @Test(
        "does not know what it does not know",
        arguments: [
            "", "/metrics", "/adapter", "/adapter.tar", "/events", "/file", "/privacy", "/rounds", "/rounds/1",
            "/clients/x",
        ]
    )
    func unknownJob(_ part: String) async throws {
        try await AdminFixture.withAPI { client, _ in
            try await client.execute(uri: "/v1/jobs/nope\(part)", method: .get, headers: AdminFixture.headers) {
                #expect($0.status == .notFound)
                #expect(String(buffer: $0.body).contains("There is no job 'nope'"))
            }
        }
    }

    @Test("returns figures as JSON and as CSV, adapters as they are stored, and events a line each")
    func results() async throws {
        try await AdminFixture.withAPI { client, store in
            try await store.submitSample()
            let adapter = try await store.runs.keep(.sample())
            let figure = FederatedLearning.Measurement(
                round: 0,
                client: "a,\"b\"",
                phase: "train",
                name: "loss",
                value: 0.5
            )
            for step: RunChange in [.began(initial: adapter), .measured([figure]), .failed(reason: "why")] {
                try await store.runs.apply(step, to: .sample)
            }
            let figures: [FederatedLearning.Measurement] = try await client.get("/v1/jobs/\(JobID.sample)/metrics")
            #expect(figures == [figure])
            try await client.execute(
                uri: "/v1/jobs/\(JobID.sample)/metrics?format=csv",
                method: .get,
                headers: AdminFixture.headers
            ) {
                #expect(String(buffer: $0.body) == "round,client,phase,name,value\n0,\"a,\"\"b\"\"\",train,loss,0.5\n")
            }
            try await client.execute(
                uri: "/v1/jobs/\(JobID.sample)/adapter",
                method: .get,
                headers: AdminFixture.headers
            ) {
                #expect(ContentDigest(hashing: $0.body.readableBytesView) == adapter.digest)
                #expect($0.headers[.contentLength] == "\(adapter.byteCount)")
            }
            try await client.execute(
                uri: "/v1/jobs/\(JobID.sample)/events",
                method: .get,
                headers: AdminFixture.headers
            ) {
                let lines = String(buffer: $0.body).split(separator: "\n")
                let events = try lines.map { try AdminCoding.decode(JobEvent.self, from: Data($0.utf8)) }
                #expect(events == [.round(try await store.jobs.report(of: .sample).rounds[0]), events.last])
                guard case .phase(let report)? = events.last else {
                    Issue.record("the last event is no phase")
                    return
                }
                #expect(report.summary.phase == .failed)
                #expect(report.summary.reason == "why")
            }
        }
    }

    @Test("lists clients and shuts one out")
    func clients() async throws {
        try await AdminFixture.withAPI { client, store in
            _ = try await store.enrol("berlin")
            let before: [ClientSummary] = try await client.get("/v1/clients")
            #expect(before.map(\.state) == [.away])
            for (name, status) in [("berlin", HTTPResponse.Status.noContent), ("paris", .notFound)] {
                try await client.execute(
                    uri: "/v1/clients/\(name)/revoke",
                    method: .post,
                    headers: AdminFixture.headers
                ) {
                    #expect($0.status == status)
                }
            }
            let after: [ClientSummary] = try await client.get("/v1/clients")
            #expect(after.map(\.state) == [.revoked])
        }
    }
}
