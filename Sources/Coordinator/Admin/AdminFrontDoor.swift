import FederatedLearning
import Hummingbird
import Logging

/// What every request meets first and every response last: the host it is for, its number, and what browsers may do with it.
struct AdminFrontDoor: RouterMiddleware {
    /// Nothing is loaded, sent or framed but from and to this server, and no script or style stands in a page.
    private static let contentPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
        base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
        """

    private static let fields: [(name: String, value: String)] = [
        ("Content-Security-Policy", contentPolicy),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var response: Response
        do {
            let origin = RequestOrigin(request)
            guard origin.isForLoopback else {
                throw HTTPError(
                    origin.authority == nil ? .badRequest : .misdirectedRequest,
                    message:
                        "The admin API answers to loopback names only. Ask for 127.0.0.1, through an SSH tunnel from afar."
                )
            }
            response = try await next(request, context)
        } catch let error as any HTTPResponseError {
            response = try error.response(from: request, context: context)
        }
        for (name, value) in Self.fields {
            guard let name = HeaderName(name) else { continue }
            response.headers[name] = value
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        // Where logs keep no metadata there is no number to find a request by.
        if let name = HeaderName("X-Request-Id"), let id = context.logger[metadataKey: "hb.request.id"] {
            response.headers[name] = "\(id)"
        }
        log(request, response.status, after: .now - start, context)
        return response
    }

    /// Says what was asked and how it went; what changes something, or is refused, above the level of debugging.
    private func log(
        _ request: Request,
        _ status: HTTPResponse.Status,
        after duration: Duration,
        _ context: BasicRequestContext
    ) {
        let isQuiet = [.get, .head].contains(request.method) && status.code < 400
        context.logger.log(
            level: isQuiet ? .debug : .info,
            "Admin request",
            metadata: [
                "http.method": "\(request.method)",
                // Without the query: whatever somebody put there is nobody's business.
                "http.path": "\(PeerText.sentence(request.uri.path))",
                "http.status": "\(status.code)",
                "http.milliseconds": "\(Int((duration / .milliseconds(1)).rounded()))",
            ]
        )
    }
}
