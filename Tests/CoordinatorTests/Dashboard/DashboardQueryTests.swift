import Adapters
import Aggregation
import FederatedLearning
import Foundation
import Hummingbird
import HummingbirdTesting
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite("What the dashboard asks")
struct DashboardQueryTests {
    private static let path = "/v1/jobs/\(JobID.sample)"

    /// Writes a job of two committed rounds and a third that is open; the same figures as in ``JobReportTests``.
    private static func fill(_ store: CoordinatorStore) async throws {
        try await store.submitSample(configuration: .sample(rounds: 5))
        func figure(_ round: Int, _ client: ClientID?, _ phase: String, _ name: String, _ value: Double) -> RunChange {
            .measured([
                FederatedLearning.Measurement(round: round, client: client, phase: phase, name: name, value: value)
            ])
        }
        let adapter = try await store.runs.keep(.sample())
        let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: adapter) }
        let steps: [RunChange] = [
            .began(initial: adapter),
            figure(0, "a", "evaluate", "accuracy", 0.25), figure(0, "a", "evaluate", "payload_bytes_down", 100),
            figure(0, nil, "evaluate", "accuracy", 0.25), .evaluated(round: 0),
            .opened(round: 1, cohort: cohort), .accepted(.sample("a", round: 1)), .accepted(.sample("b", round: 1)),
            figure(1, "a", "train", "loss", 1), figure(1, "a", "train", "examples", 30),
            figure(1, "b", "train", "loss", 2), figure(1, "b", "train", "examples", 10),
            figure(1, "a", "train", "payload_bytes_up", 40), figure(1, "b", "train", "payload_bytes_up", 60),
            figure(1, nil, "round", "seconds", 1.5), figure(1, nil, "round", "clients", 2),
            figure(1, nil, "round", "epsilon", 0.7), .committed(round: 1, global: adapter),
            figure(1, "a", "evaluate", "accuracy", 0.5), figure(1, "b", "evaluate", "loss", .nan),
            figure(1, nil, "evaluate", "accuracy", 0.75), .evaluated(round: 1),
            .opened(round: 2, cohort: cohort), .accepted(.sample("a", round: 2)),
        ]
        for step in steps { try await store.runs.apply(step, to: .sample) }
    }

    @Test("tells the points of a job's curves, which agree with its report, and the round that is going on")
    func course() async throws {
        try await AdminFixture.withAPI { client, store in
            try await Self.fill(store)
            let course: RoundCourse = try await client.get("\(Self.path)/rounds")
            let report = try await store.jobs.report(of: .sample)
            #expect(course.rounds.map(\.number) == [0, 1])
            #expect(course.rounds.map(\.accuracy) == report.rounds.map(\.overall.accuracy))
            #expect(course.rounds.map(\.trainingLoss) == [nil, 1.25])
            #expect(course.rounds.map(\.trainingLoss) == report.rounds.map(\.trainingLoss))
            #expect(course.rounds.map(\.traffic) == report.rounds.map(\.traffic))
            #expect(course.rounds.map(\.seconds) == [nil, 1.5])
            #expect(course.rounds.map(\.epsilon) == [nil, 0.7])
            #expect(course.rounds.map(\.clients) == [nil, 2])
            #expect(course.rounds.map(\.isComplete) == report.rounds.map(\.isComplete))
            #expect(course.open?.number == 2)
            #expect(course.open?.cohort == 2)
            #expect(course.open?.accepted == 1)
            let rest: RoundCourse = try await client.get("\(Self.path)/rounds?from=1")
            #expect(rest.rounds.map(\.number) == [1])
        }
    }

    @Test("keeps the points of complete rounds, and asks again for others")
    func keptPoints() async throws {
        try await AdminFixture.withAPI { client, store in
            try await Self.fill(store)
            let before: RoundCourse = try await client.get("\(Self.path)/rounds")
            let adapter = try await store.runs.keep(.sample())
            try await store.runs.apply(.accepted(.sample("b", round: 2)), to: .sample)
            try await store.runs.apply(
                .measured([
                    FederatedLearning.Measurement(round: 2, client: nil, phase: "round", name: "seconds", value: 3)
                ]),
                to: .sample
            )
            try await store.runs.apply(.committed(round: 2, global: adapter), to: .sample)
            let open: RoundCourse = try await client.get("\(Self.path)/rounds")
            #expect(open.rounds.map(\.isComplete) == [true, true, false])
            #expect(open.open == nil)
            try await store.runs.apply(
                .measured([
                    FederatedLearning.Measurement(
                        round: 2,
                        client: nil,
                        phase: "evaluate",
                        name: "accuracy",
                        value: 0.8
                    )
                ]),
                to: .sample
            )
            try await store.runs.apply(.evaluated(round: 2), to: .sample)
            let after: RoundCourse = try await client.get("\(Self.path)/rounds")
            #expect(Array(after.rounds.prefix(2)) == before.rounds)
            #expect(after.rounds.last?.accuracy == 0.8)
            #expect(after.rounds.last?.isComplete == true)
        }
    }

    @Test("tells what each client did in a round, with the rank of its update, and one client over all rounds")
    func clientsOfRound() async throws {
        try await AdminFixture.withAPI { client, store in
            try await Self.fill(store)
            try await client.execute(uri: "\(Self.path)/rounds/1", method: .get, headers: AdminFixture.headers) {
                let text = String(buffer: $0.body)
                // JSON has no NaN.
                #expect(text.contains(#""evaluate/loss":"nan""#))
                let clients = try AdminCoding.decode([RoundClient].self, from: Data($0.body.readableBytesView))
                #expect(clients.map(\.client) == ["a", "b"])
                #expect(clients.allSatisfy { $0.rank != nil })
                #expect(clients[0].figures["train/loss"] == 1)
            }
            let figures: [FederatedLearning.Measurement] = try await client.get("\(Self.path)/clients/a")
            #expect(figures.allSatisfy { $0.client == "a" })
            #expect(figures.filter { $0.name == "accuracy" }.map(\.value) == [0.25, 0.5])
            let later: [FederatedLearning.Measurement] = try await client.get("\(Self.path)/clients/a?from=1")
            #expect(later == figures.filter { $0.round >= 1 })
            let none: [FederatedLearning.Measurement] = try await client.get("\(Self.path)/clients/a?from=9")
            #expect(none.isEmpty)
        }
    }

    @Test("searches clients by name, tag, version and state, a page at a time")
    func search() async throws {
        try await AdminFixture.withAPI { client, store in
            for number in 0..<25 {
                let name = "clinic-\(number < 10 ? "0" : "")\(number)"
                _ = try await store.enrol(name)
                let site = number.isMultiple(of: 5) ? "Berlin" : "paris"
                try await store.clients.arrived(
                    ClientProfile(id: ClientID(name), maximumRank: 8, tags: ["site": site]),
                    software: "peer/\(number)",
                    at: .sample
                )
            }
            try await store.clients.revoke("clinic-03", now: .sample)
            func page(_ query: String) async throws -> ClientPage {
                try await client.get("/v1/clients/search?\(query)")
            }
            let first = try await page("limit=10")
            #expect(first.total == 25)
            #expect(first.clients.map(\.name).first == "clinic-00")
            #expect(first.clients.count == 10)
            #expect(try await page("limit=10&offset=20").clients.count == 5)
            #expect(try await page("offset=1000").clients.isEmpty)
            #expect(try await page("text=bERlin").total == 5)
            #expect(try await page("text=peer/7").clients.map(\.name) == ["clinic-07"])
            #expect(try await page("state=revoked").clients.map(\.name) == ["clinic-03"])
            #expect(try await page("state=connected").total == 0)
            #expect(try await page("text=%25").total == 0)
            #expect(try await page("text='%20OR%201=1").total == 0)
            for query in ["state=there", "limit=x", "offset=1.5"] {
                try await client.execute(
                    uri: "/v1/clients/search?\(query)",
                    method: .get,
                    headers: AdminFixture.headers
                ) { #expect($0.status == .badRequest) }
            }
        }
    }

    @Test("makes an invitation: the join string, and the same as a QR code")
    func invitation() async throws {
        try await AdminFixture.withAPI { client, _ in
            let headers = try await client.logIn()
            try await client.execute(
                uri: "/v1/clients/berlin/invite",
                method: .post,
                headers: headers,
                body: ByteBuffer(string: #"{"seconds":600}"#)
            ) {
                #expect($0.status == .created)
                let invitation = try AdminCoding.decode(Invitation.self, from: Data($0.body.readableBytesView))
                #expect(invitation.joinString.hasPrefix("trib1"))
                #expect(invitation.expiry == .sample + 600)
                #expect(invitation.code.size >= 21)
                #expect(invitation.code.path.hasPrefix("M0 0h7v1h-7z"))
            }
            for (name, body, status) in [
                ("Berlin!", #"{"seconds":600}"#, 400), ("berlin", "{}", 400), ("berlin", "", 400),
                ("berlin", String(repeating: " ", count: 2000), 413),
            ] {
                try await client.execute(
                    uri: "/v1/clients/\(name)/invite",
                    method: .post,
                    headers: headers,
                    body: ByteBuffer(string: body)
                ) { #expect($0.status.code == status) }
            }
        }
    }

    @Test("tells the audit log from its end on, and where it ends")
    func audit() async throws {
        try await AdminFixture.withAPI { client, store in
            for name in ["a", "b", "c"] { _ = try await store.enrol(name) }
            let page: AuditLog.Page = try await client.get("/v1/audit?limit=2")
            #expect(page.entries.map(\.subject) == ["c", "c"])
            #expect(page.head.sequence == 6)
            let earlier: AuditLog.Page = try await client.get("/v1/audit?limit=2&before=5")
            #expect(earlier.entries.map(\.sequence) == [4, 3])
            #expect(try await store.audit.verify(since: page.head) == page.head)
        }
    }

    @Test("hands out a job's adapter as an archive that tar unpacks into a PEFT directory")
    func archive() async throws {
        try await AdminFixture.withAPI { client, store in
            try await Self.fill(store)
            let bytes = try await client.execute(
                uri: "\(Self.path)/adapter.tar",
                method: .get,
                headers: AdminFixture.headers
            ) { response in
                #expect(response.headers[.contentDisposition]?.hasSuffix("-round-1.tar\"") == true)
                #expect(response.headers[.contentLength] == "\(response.body.readableBytes)")
                return Data(response.body.readableBytesView)
            }
            try await withTemporaryDirectory { folder in
                let file = folder.appendingPathComponent("adapter.tar")
                try bytes.write(to: file)
                let tar = Process()
                tar.executableURL = URL(fileURLWithPath: "/bin/tar")
                tar.arguments = ["-xf", file.path, "-C", folder.path]
                try tar.run()
                tar.waitUntilExit()
                #expect(tar.terminationStatus == 0)
                let name = try #require(
                    try FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasSuffix("-round-1") }
                )
                let adapter = try PEFTDirectory(reading: folder.appendingPathComponent(name))
                #expect(adapter.adapter == LoRAAdapter.sample())
            }
        }
    }

    @Test("tells nothing more to a browser whose session has ended", .timeLimit(.minutes(1)))
    func liveEnds() async throws {
        // Four hours pass whenever somebody looks at the clock, and a session lasts twelve.
        let hours = Mutex(0.0)
        let now: @Sendable () -> Date = {
            .sample
                + 3600
                * hours.withLock { hours in
                    hours += 4
                    return hours
                }
        }
        try await AdminFixture.withAPI(now: now) { client, store in
            try await store.submitSample()
            let headers = try await client.logIn()
            try await client.execute(uri: "/v1/live", method: .get, headers: headers) { response in
                #expect(response.status == .ok)
                #expect(String(buffer: response.body).hasPrefix("id: 1\nevent: overview\n"))
            }
        }
    }

    @Test("sends the overview as an event, and ends with the server", .timeLimit(.minutes(1)))
    func live() async throws {
        try await AdminFixture.withAPI { client, store in
            try await store.submitSample()
            store.feed.close()
            try await client.execute(uri: "/v1/live", method: .get, headers: AdminFixture.headers) { response in
                #expect(response.headers[.contentType] == "text/event-stream")
                let text = String(buffer: response.body)
                #expect(text.hasPrefix("id: 1\nevent: overview\n"))
                #expect(text.hasSuffix("\n\n"))
                let data = try #require(text.split(separator: "\n").first { $0.hasPrefix("data: ") })
                let overview = try AdminCoding.decode(Overview.self, from: Data(data.dropFirst(6).utf8))
                #expect(overview.jobs.map(\.summary.id) == [.sample])
            }
        }
    }
}
