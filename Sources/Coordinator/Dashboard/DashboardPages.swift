private import Crypto
import Foundation
import Hummingbird
import WebDashboard

/// The routes that a browser meets: pages, their parts, logging in and out.
///
/// ```
/// GET  /               the dashboard, or the way to /login
/// GET  /login          POST /login {"token": …}       POST /logout
/// GET  /assets/{name}
/// ```
struct DashboardPages: Sendable {
    private let door: DashboardDoor
    private let index = Page(.index)
    private let login = Page(.login)
    private let assets = WebFile.assets.mapValues(Page.init)

    init(door: DashboardDoor) {
        self.door = door
    }

    func add(to router: Router<BasicRequestContext>) {
        router.get("/") { request, _ in
            // The router takes any number of slashes for one.
            guard request.uri.path == "/" else { throw HTTPError(.notFound) }
            guard let secret = DashboardCookie.secret(in: request), door.admits(secret) else {
                return Response(status: .seeOther, headers: [.location: "/login"])
            }
            return index.response(to: request)
        }
        router.get("login") { request, _ in login.response(to: request) }
        router.get("assets/:name") { request, context in
            guard let page = try assets[context.parameters.require("name")] else { throw HTTPError(.notFound) }
            return page.response(to: request)
        }
        router.post("login") { request, _ in try await logIn(request) }
        router.post("logout") { request, _ in try logOut(request) }
    }

    // MARK: - Sessions

    private struct LoginRequest: Decodable {
        let token: String
    }

    private func logIn(_ request: Request) async throws -> Response {
        try Self.checkOrigin(request)
        let login = try await request.json(
            LoginRequest.self,
            limit: 1024,
            or: "The request holds no token: {\"token\": …}."
        )
        guard let secret = door.logIn(login.token) else {
            throw HTTPError(
                .unauthorized,
                message:
                    "This is not the token. Copy it from the server's first lines, or from `admin-token` in its folder."
            )
        }
        var response = Response(status: .noContent)
        response.setCookie(
            DashboardCookie.cookie(secret, for: request, maxAge: Int(SessionTable.lifetime))
        )
        return response
    }

    private func logOut(_ request: Request) throws -> Response {
        try Self.checkOrigin(request)
        if let secret = DashboardCookie.secret(in: request) { door.logOut(secret) }
        var response = Response(status: .noContent)
        response.setCookie(DashboardCookie.cookie("", for: request, maxAge: 0))
        return response
    }

    private static func checkOrigin(_ request: Request) throws {
        guard RequestOrigin(request).isFromDashboard else {
            throw HTTPError(.forbidden, message: "Another page made this request. Use the dashboard itself.")
        }
    }

    // MARK: - Files

    /// A file, and the name of its present content.
    private struct Page: Sendable {
        let type: String
        let body: ByteBuffer
        let tag: String

        init(_ file: WebFile) {
            type = file.contentType
            body = ByteBuffer(bytes: file.bytes)
            tag = "\"\(SHA256.hash(data: file.bytes).prefix(12).map { String($0, radix: 36) }.joined())\""
        }

        /// Browsers keep the file, and ask each time whether it still is the same.
        func response(to request: Request) -> Response {
            let headers: HTTPFields = [.contentType: type, .cacheControl: "no-cache", .eTag: tag]
            guard request.headers[.ifNoneMatch] != tag else { return Response(status: .notModified, headers: headers) }
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        }
    }
}
