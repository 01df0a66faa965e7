/// HTTP/1.1 as attackers write it.
enum HTTPText {
    /// A request after which the server closes.
    static func request(
        _ method: String,
        _ path: String,
        token: String?,
        headers: [String] = [],
        body: [UInt8] = []
    ) -> [UInt8] {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        if let token { lines.append("Authorization: Bearer \(token)") }
        lines += headers
        if !body.isEmpty { lines.append("Content-Length: \(body.count)") }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    static func get(_ path: String, token: String?) -> [UInt8] { request("GET", path, token: token) }
}
