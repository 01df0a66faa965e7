package import FederatedLearning
private import Foundation
private import FoundationNetworking

/// The command line's end of the admin API.
package struct AdminClient: Sendable {
    private let address: ListenAddress
    private let token: String

    /// - Parameters:
    ///   - address: Where the running server's admin API is bound.
    ///   - token: The content of the state directory's `admin-token`.
    package init(address: ListenAddress, token: String) {
        self.address = address
        self.token = token
    }

    package func health() async throws -> AdminHealth { try await get("v1/health") }

    package func clients() async throws -> [ClientSummary] { try await get("v1/clients") }

    package func revoke(_ name: String) async throws {
        _ = try await send("POST", "v1/clients/\(Self.escaped(name))/revoke")
    }

    /// Returns lines of a client's log, from a number on.
    package func log(of name: String, from start: UInt64) async throws -> ClientLog {
        try await get("v1/clients/\(Self.escaped(name))/log?from=\(start)")
    }

    /// Has the server take changed certificates and keys into use.
    package func reloadKeys() async throws {
        _ = try await send("POST", "v1/keys/reload")
    }

    package func submit(_ submission: JobSubmission) async throws -> JobID {
        let answer = try await send("POST", "v1/jobs", body: AdminCoding.encode(submission))
        return try AdminCoding.decode(AdminSubmitted.self, from: answer).id
    }

    package func cancel(_ job: JobID) async throws {
        _ = try await send("POST", "v1/jobs/\(Self.escaped(job.rawValue))/cancel")
    }

    /// Returns a job's events as they happen; the stream ends when the job is over, and fails when the server is gone.
    ///
    /// Reads the job's report twice a second. The event stream of the API is not used here, because Foundation's session
    /// keeps a core busy for as long as a response stays open, and the core is needed for training.
    package func events(of job: JobID) -> AsyncThrowingStream<JobEvent, any Error> {
        AsyncThrowingStream { continuation in
            let reading = Task {
                do {
                    var progress = JobProgress()
                    while true {
                        let report: JobReport = try await get("v1/jobs/\(Self.escaped(job.rawValue))")
                        for event in progress.events(in: report) { continuation.yield(event) }
                        if progress.isOver { break }
                        try await Task.sleep(for: .milliseconds(500))
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in reading.cancel() }
        }
    }

    // MARK: - Requests

    private func get<Value: Decodable>(_ path: String) async throws -> Value {
        try AdminCoding.decode(Value.self, from: await send("GET", path))
    }

    private func send(_ method: String, _ path: String, body: Data? = nil) async throws -> Data {
        var request = try request(method, path)
        request.httpBody = body
        request.timeoutInterval = 30
        let (bytes, response): (Data, URLResponse)
        do {
            (bytes, response) = try await URLSession.shared.data(for: request)
        } catch let error as URLError {
            throw CoordinatorError.serverUnreachable(address: "\(address)", reason: error.localizedDescription)
        }
        try Self.check(response, bytes)
        return bytes
    }

    private func request(_ method: String, _ path: String) throws -> URLRequest {
        guard let url = URL(string: "http://\(address)/\(path)") else {
            throw CoordinatorError.invalidAddress("\(address)")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        return request
    }

    private static func check(_ response: URLResponse?, _ body: Data) throws {
        guard let status = (response as? HTTPURLResponse)?.statusCode, !(200..<300).contains(status) else { return }
        let message = (try? AdminCoding.decode(AdminFailure.self, from: body))?.error.message
        throw CoordinatorError.serverRefused(status: status, message: message ?? "")
    }

    /// RFC 3986's unreserved characters, which a path carries as they are: names and job identifiers have no others.
    private static let unreserved = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))

    private static func escaped(_ component: String) -> String {
        component.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
