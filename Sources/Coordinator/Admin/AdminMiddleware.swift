import Adapters
import Aggregation
import FederatedLearning
import Hummingbird

/// Lets in who shows the token, and browsers that are logged in to the dashboard.
struct AdminGate: RouterMiddleware {
    let token: AdminToken
    let door: DashboardDoor

    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        if token.isShown(in: request.headers[.authorization]) { return try await next(request, context) }
        guard let secret = DashboardCookie.secret(in: request), door.admits(secret) else {
            throw HTTPError(
                .unauthorized,
                message: "The token is missing or wrong. Send the content of the state directory's `admin-token`."
            )
        }
        guard RequestOrigin(request).isFromDashboard else {
            throw HTTPError(.forbidden, message: "Another page made this request. Use the dashboard itself.")
        }
        return try await next(request, context)
    }
}

/// Turns the coordinator's errors into statuses; their sentences are written for people and go along.
struct AdminFailures: RouterMiddleware {
    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as JobFileError {
            throw HTTPError(.badRequest, message: error.description)
        } catch let error as AdapterError {
            throw HTTPError(.badRequest, message: error.description)
        } catch let error as AggregationError {
            throw HTTPError(.badRequest, message: error.description)
        } catch let error as FederatedLearningError {
            throw HTTPError(.badRequest, message: error.description)
        } catch let error as CoordinatorError {
            throw HTTPError(error.status, message: error.description)
        }
    }
}

extension CoordinatorError {
    fileprivate var status: HTTPResponse.Status {
        switch self {
        case .unknownJob, .unknownClient: .notFound
        case .invalidClientName: .badRequest
        case .tokenReused, .nothingToExport, .jobIsOver: .conflict
        case .clientAway: .serviceUnavailable
        case .logNotLent: .forbidden
        case .tooManyReaders: .tooManyRequests
        default: .internalServerError
        }
    }
}
