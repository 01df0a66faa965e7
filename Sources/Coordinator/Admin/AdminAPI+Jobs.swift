import FederatedLearning
import Foundation
import Hummingbird
import NIOFoundationCompat

extension AdminAPI {
    func addJobs(to routes: RouterGroup<BasicRequestContext>) {
        routes.get { _, _ in
            try Response.json(await administration.jobs())
        }
        routes.post { request, _ in
            let submission = try await request.json(
                JobSubmission.self,
                limit: 2 * JobFile.byteLimit,
                or: "The request is not a job submission. Send what `job submit` sends."
            )
            return try Response.json(AdminSubmitted(id: await administration.submit(submission)), status: .created)
        }
        routes.get(":id") { _, context in
            try Response.json(await administration.job(Self.job(context)))
        }
        routes.post(":id/cancel") { _, context in
            try await administration.cancel(Self.job(context))
            return Response(status: .noContent)
        }
        routes.get(":id/file") { _, context in
            Response.text(try await administration.jobFile(Self.job(context)), type: "text/plain; charset=utf-8")
        }
        routes.get(":id/privacy") { _, context in
            try Response.json(await administration.privacyStanding(of: Self.job(context)))
        }
        addFigures(to: routes)
        addAdapters(to: routes)
        routes.get(":id/events") { _, context in
            try await events(of: Self.job(context))
        }
    }

    private static func job(_ context: BasicRequestContext) throws -> JobID {
        try JobID(rawValue: context.parameters.require("id"))
    }

    // MARK: - Figures

    private func addFigures(to routes: RouterGroup<BasicRequestContext>) {
        routes.get(":id/metrics") { request, context in
            let measurements = try await administration.measurements(of: Self.job(context))
            guard request.uri.queryParameters["format"] == "csv" else { return try Response.json(measurements) }
            return Response.text(MeasurementTable.csv(measurements), type: "text/csv")
        }
        routes.get(":id/rounds") { request, context in
            try Response.json(await administration.course(of: Self.job(context), from: request.number("from") ?? 0))
        }
        routes.get(":id/rounds/:number") { _, context in
            let number = try context.parameters.require("number", as: Int.self)
            return try Response.json(await administration.clients(ofRound: number, of: Self.job(context)))
        }
        routes.get(":id/clients/:name") { request, context in
            try Response.json(
                await administration.measurements(
                    of: Self.job(context),
                    client: context.parameters.require("name"),
                    from: request.number("from") ?? 0
                )
            )
        }
    }

    // MARK: - Adapters

    private func addAdapters(to routes: RouterGroup<BasicRequestContext>) {
        routes.get(":id/adapter") { _, context in
            try await adapter(of: Self.job(context))
        }
        routes.get(":id/adapter.tar") { _, context in
            let id = try Self.job(context)
            let (name, archive) = try await administration.adapterArchive(of: id)
            return Response.download(
                "\(name).tar",
                type: "application/x-tar",
                body: ResponseBody(contentLength: archive.byteCount) { writer in
                    var reader = archive.reader()
                    while let piece = try reader.next() { try await writer.write(ByteBuffer(data: piece)) }
                    try await writer.finish(nil)
                }
            )
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

    // MARK: - Events

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
}
