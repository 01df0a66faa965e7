private import FederatedLearning
private import Foundation
package import Hummingbird
private import NIOFoundationCompat

/// The admin API: JSON over HTTP on loopback, for the command line and the dashboard.
///
/// ```
/// GET  /v1/health                    POST /v1/jobs                  GET  /v1/jobs/{id}/metrics[?format=csv]
/// GET  /v1/clients                   GET  /v1/jobs                  GET  /v1/jobs/{id}/adapter
/// POST /v1/clients/{name}/revoke     GET  /v1/jobs/{id}             GET  /v1/jobs/{id}/events
/// POST /v1/keys/reload               POST /v1/jobs/{id}/cancel
/// ```
///
/// Every request shows the token of the state directory. Events are one JSON value a line, until the job is over.
package struct AdminAPI: Sendable {
    private let administration: Administration
    private let token: AdminToken

    package init(administration: Administration, token: AdminToken) {
        self.administration = administration
        self.token = token
    }

    package func router() -> Router<BasicRequestContext> {
        let router = Router()
        let routes = router.group("v1").add(middleware: AdminGate(token: token)).add(middleware: AdminFailures())
        routes.get("health") { _, _ in
            try Self.json(await administration.health())
        }
        routes.post("keys/reload") { _, _ in
            try administration.reload()
            return Response(status: .noContent)
        }
        addClients(to: routes.group("clients"))
        addJobs(to: routes.group("jobs"))
        return router
    }

    // MARK: - Clients

    private func addClients(to routes: RouterGroup<BasicRequestContext>) {
        routes.get { _, _ in
            try Self.json(await administration.clients())
        }
        routes.post(":name/revoke") { _, context in
            try await administration.revoke(context.parameters.require("name"))
            return Response(status: .noContent)
        }
    }

    // MARK: - Jobs

    private func addJobs(to routes: RouterGroup<BasicRequestContext>) {
        routes.get { _, _ in
            try Self.json(await administration.jobs())
        }
        routes.post { request, context in
            let body = try await request.body.collect(upTo: 2 * JobFile.byteLimit)
            let submission: JobSubmission
            do {
                submission = try AdminCoding.decode(JobSubmission.self, from: Data(buffer: body))
            } catch {
                throw HTTPError(
                    .badRequest,
                    message: "The request is not a job submission. Send what `job submit` sends."
                )
            }
            let id = try await administration.submit(submission)
            return try Self.json(AdminSubmitted(id: id), status: .created)
        }
        routes.get(":id") { _, context in
            try Self.json(await administration.job(Self.job(context)))
        }
        routes.post(":id/cancel") { _, context in
            try await administration.cancel(Self.job(context))
            return Response(status: .noContent)
        }
        routes.get(":id/metrics") { request, context in
            let measurements = try await administration.measurements(of: Self.job(context))
            guard request.uri.queryParameters["format"] == "csv" else { return try Self.json(measurements) }
            return Self.text(MeasurementTable.csv(measurements), type: "text/csv")
        }
        routes.get(":id/adapter") { _, context in
            try await adapter(of: Self.job(context))
        }
        routes.get(":id/events") { _, context in
            try await events(of: Self.job(context))
        }
    }

    /// Streams the safetensors file of a job's latest adapter, piece by piece.
    private func adapter(of id: JobID) async throws -> Response {
        let (reference, file) = try await administration.adapterFile(of: id)
        let handle = try FileHandle(forReadingFrom: file)
        return Response(
            status: .ok,
            headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(contentLength: reference.byteCount) { writer in
                defer { try? handle.close() }
                while let piece = try handle.read(upToCount: 256 << 10), !piece.isEmpty {
                    try await writer.write(ByteBuffer(data: piece))
                }
                try await writer.finish(nil)
            }
        )
    }

    private func events(of id: JobID) async throws -> Response {
        // Says 404 before the stream begins.
        _ = try await administration.job(id)
        return Response(
            status: .ok,
            headers: [.contentType: "application/x-ndjson"],
            body: ResponseBody { writer in
                for try await event in administration.events(of: id) {
                    var line = try ByteBuffer(data: AdminCoding.encode(event))
                    line.writeString("\n")
                    try await writer.write(line)
                }
                try await writer.finish(nil)
            }
        )
    }

    // MARK: - Parts of requests and responses

    private static func job(_ context: BasicRequestContext) throws -> JobID {
        try JobID(rawValue: context.parameters.require("id"))
    }

    private static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(data: try AdminCoding.encode(value)))
        )
    }

    private static func text(_ text: String, type: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
