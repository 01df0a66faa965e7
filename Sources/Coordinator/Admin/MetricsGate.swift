import Hummingbird

/// Lets in who shows the token for figures, or the admin token.
struct MetricsGate: RouterMiddleware {
    let tokens: [AdminToken]

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard tokens.contains(where: { $0.isShown(in: request.headers[.authorization]) }) else {
            throw HTTPError(
                .unauthorized,
                message: "The token is missing or wrong. Send what `fed-server metrics-token` prints."
            )
        }
        return try await next(request, context)
    }
}
