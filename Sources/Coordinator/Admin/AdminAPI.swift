private import Foundation
package import Hummingbird

/// The admin API: JSON over HTTP on loopback, for the command line and the dashboard.
///
/// ```
/// GET  /v1/health                        POST /v1/jobs
/// GET  /v1/overview                      GET  /v1/jobs
/// GET  /v1/live                          GET  /v1/jobs/{id}
/// GET  /v1/audit[?before=&limit=]        POST /v1/jobs/{id}/cancel
/// POST /v1/keys/reload                   GET  /v1/jobs/{id}/file
///                                        GET  /v1/jobs/{id}/metrics[?format=csv]
/// GET  /v1/clients                       GET  /v1/jobs/{id}/rounds[?from=]
/// GET  /v1/clients/search                GET  /v1/jobs/{id}/rounds/{n}
///      [?text=&state=&offset=&limit=]    GET  /v1/jobs/{id}/clients/{name}[?from=]
/// POST /v1/clients/{name}/invite         GET  /v1/jobs/{id}/privacy
/// POST /v1/clients/{name}/revoke         GET  /v1/jobs/{id}/adapter, /v1/jobs/{id}/adapter.tar
///                                        GET  /v1/jobs/{id}/events
/// ```
///
/// Every request shows the token of the state directory, or the cookie of a dashboard that is logged in. `/live` is a stream
/// of server-sent events; `/events` is one JSON value a line, until the job is over. Outside `/v1` are the dashboard's pages
/// and `GET /metrics`.
package struct AdminAPI: Sendable {
    let administration: Administration
    private let token: AdminToken
    private let metricsToken: AdminToken
    private let door: DashboardDoor
    private let exposition: MetricsExposition
    private let failed: @Sendable (any Error) -> Void

    /// - Parameters:
    ///   - administration: What is asked of the server.
    ///   - token: The content of the state directory's `admin-token`.
    ///   - dashboardTokens: What logs in to the dashboard beside it.
    ///   - metrics: Whose figures `GET /metrics` tells.
    ///   - failed: Is told of what failed and was nobody's mistake: a disk, most likely.
    package init(
        administration: Administration,
        token: String,
        dashboardTokens: [String] = [],
        metrics: MetricsRegistry = MetricsRegistry(),
        failed: @escaping @Sendable (any Error) -> Void = { _ in }
    ) {
        self.failed = failed
        self.administration = administration
        self.token = AdminToken(token)
        self.metricsToken = AdminToken(AdminToken.forMetrics(of: token))
        self.door = DashboardDoor(tokens: ([token] + dashboardTokens).map(AdminToken.init), now: administration.now)
        self.exposition = MetricsExposition(registry: metrics, administration: administration)
    }

    package func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: AdminFrontDoor())
        let routes = router.group("v1").add(middleware: AdminGate(token: token, door: door)).add(
            middleware: AdminFailures(failed: failed)
        )
        addServer(to: routes)
        addClients(to: routes.group("clients"))
        addJobs(to: routes.group("jobs"))
        router.group("metrics").add(middleware: MetricsGate(tokens: [metricsToken, token])).get { _, _ in
            Response.text(try await exposition.text(), type: MetricsExposition.contentType)
        }
        DashboardPages(door: door).add(to: router)
        return router
    }

    // MARK: - The server

    /// Whether whoever made a request may still be answered: a session may end meanwhile, a token stays what it is.
    private func admission(of request: Request) -> @Sendable () -> Bool {
        guard !token.isShown(in: request.headers[.authorization]),
            let secret = DashboardCookie.secret(in: request)
        else { return { true } }
        return { [door] in door.admits(secret) }
    }

    private func addServer(to routes: RouterGroup<BasicRequestContext>) {
        routes.get("health") { _, _ in
            try Response.json(await administration.health())
        }
        routes.get("overview") { _, _ in
            try Response.json(await administration.overview())
        }
        routes.get("live") { request, _ in
            LiveStream(overviews: administration.overviews, isAdmitted: admission(of: request)).response()
        }
        routes.get("audit") { request, _ in
            try Response.json(
                await administration.audit(
                    before: request.number("before").map(Int64.init),
                    limit: request.number("limit") ?? 100
                )
            )
        }
        routes.post("keys/reload") { _, _ in
            try administration.reload()
            return Response(status: .noContent)
        }
    }
}
