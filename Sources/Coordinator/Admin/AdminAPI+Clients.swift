import Foundation
import Hummingbird

extension AdminAPI {
    func addClients(to routes: RouterGroup<BasicRequestContext>) {
        routes.get { _, _ in
            try Response.json(await administration.clients())
        }
        routes.get("search") { request, _ in
            let state = request.uri.queryParameters["state"].map(String.init)
            guard let query = try ClientQuery(request, state: state) else {
                throw HTTPError(.badRequest, message: "`state` is one of connected, away and revoked.")
            }
            return try Response.json(await administration.clients(matching: query))
        }
        routes.post(":name/invite") { request, context in
            let order = try await request.json(
                InvitationOrder.self,
                limit: 1024,
                or: "The request says not how many seconds the invitation is good for: {\"seconds\":600}."
            )
            return try Response.json(
                await administration.invite(context.parameters.require("name"), seconds: order.seconds),
                status: .created
            )
        }
        routes.get(":name/log") { request, context in
            let name = try context.parameters.require("name")
            let start = UInt64(clamping: try request.number("from") ?? 0)
            return try Response.json(await administration.log(of: name, from: start))
        }
        routes.post(":name/revoke") { _, context in
            try await administration.revoke(context.parameters.require("name"))
            return Response(status: .noContent)
        }
    }
}

extension ClientQuery {
    /// Reads a query; `nil` when there is no such state.
    fileprivate init?(_ request: Request, state: String?) throws {
        let known = state.flatMap { ClientSummary.State(rawValue: $0) }
        guard known != nil || state == nil || state == "" else { return nil }
        try self.init(
            text: request.uri.queryParameters["text"].map(String.init) ?? "",
            state: known,
            offset: request.number("offset") ?? 0,
            limit: request.number("limit") ?? 100
        )
    }
}
