import Hummingbird

/// Where a request says that it comes from and goes to; the rules that keep other pages of a browser out.
///
/// A browser sends the dashboard's cookie with whatever another page makes it ask of this host. These headers a page cannot
/// forge, so requests with a cookie have to say that the dashboard's own page made them.
struct RequestOrigin {
    /// Host and port that the request was sent to.
    let authority: String?
    let method: HTTPRequest.Method
    let headers: HTTPFields

    /// Whether the request went to this machine by a name that nobody else can take.
    ///
    /// A page of `evil.example` whose name resolves to 127.0.0.1 later would be of the same origin as this server; its
    /// requests name its own host.
    var isForLoopback: Bool {
        guard let host, !host.isEmpty else { return false }
        return ["localhost", "127.0.0.1", "[::1]"].contains(host)
            || (host.hasPrefix("127.") && host.utf8.allSatisfy { $0 == 46 || (48...57).contains($0) })
    }

    /// Whether the dashboard's own page made the request, or, where nothing is changed, the user did.
    var isFromDashboard: Bool {
        switch headers[.secFetchSite] {
        case nil, "same-origin": break
        case "none" where !changesSomething: break
        default: return false
        }
        guard let origin = headers[.origin] else { return !changesSomething }
        return authority.map { origin == "http://\($0)" } ?? false
    }

    private var changesSomething: Bool { method != .get && method != .head }

    /// The authority without its port.
    private var host: String? {
        guard let authority else { return nil }
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            return String(authority[...bracket])
        }
        return String(authority.prefix { $0 != ":" })
    }

    /// The port in the authority, by which cookies of several servers on one machine are told apart.
    var port: String {
        guard let authority, let host else { return "80" }
        let digits = authority.dropFirst(host.count + 1)
        return !digits.isEmpty && digits.utf8.allSatisfy { (48...57).contains($0) } ? String(digits) : "80"
    }
}

extension HeaderName {
    fileprivate static let secFetchSite = Self("Sec-Fetch-Site") ?? .origin
}
