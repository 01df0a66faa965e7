import Adapters
import Aggregation
import FederatedLearning
import Foundation
import GRDB
import Hummingbird
import Logging
import Transport

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
///
/// What the disk, the database or a key file fails at is the server's own: it is logged, and whoever watches the storage is
/// told. What a broken request fails at is left to the HTTP server, which closes the connection.
struct AdminFailures: RouterMiddleware {
    let failed: @Sendable (any Error) -> Void

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
            if error.status == .internalServerError { tell(error, request, context) }
            throw HTTPError(error.status, message: error.description)
        } catch let error where error.isOfServer {
            tell(error, request, context)
            throw HTTPError(.internalServerError, message: "\(error)")
        }
    }
}

extension AdminFailures {
    private func tell(_ error: any Error, _ request: Request, _ context: BasicRequestContext) {
        context.logger.error(
            "Admin request failed",
            metadata: [
                "http.method": "\(request.method)", "http.path": "\(PeerText.sentence(request.uri.path))",
                "error": "\(error)",
            ]
        )
        failed(error)
    }
}

extension Error {
    fileprivate var isOfServer: Bool {
        self is DatabaseError || self is FileError || self is PayloadError || self is CredentialError
            || self is CocoaError
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
