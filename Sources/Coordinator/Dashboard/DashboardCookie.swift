import Hummingbird

/// The cookie in which a browser keeps the secret of its session.
enum DashboardCookie {
    /// Returns the secret that a request carries.
    static func secret(in request: Request) -> String? {
        request.cookies[name(for: RequestOrigin(request))]?.value
    }

    /// Returns a cookie that no script reads and no other site's page causes to be sent.
    static func cookie(_ secret: String, for request: Request, maxAge: Int) -> Cookie {
        Cookie(
            name: name(for: RequestOrigin(request)),
            value: secret,
            maxAge: maxAge,
            path: "/",
            httpOnly: true,
            sameSite: .strict
        )
    }

    // Cookies are shared by all ports of a host.
    private static func name(for origin: RequestOrigin) -> String { "tributary-\(origin.port)" }
}

extension RequestOrigin {
    init(_ request: Request) {
        self.init(authority: request.head.authority, method: request.method, headers: request.headers)
    }
}
