import Foundation
import Hummingbird
import NIOFoundationCompat

extension Response {
    /// A value as the admin API writes it.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(data: try AdminCoding.encode(value)))
        )
    }

    static func text(_ text: String, type: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    /// A file that browsers save under `name`, of which the characters a header cannot carry are left out.
    static func download(_ name: String, type: String, body: ResponseBody) -> Response {
        let plain = name.unicodeScalars.filter { $0.isASCII && $0.value > 32 && !"\"\\/;%".unicodeScalars.contains($0) }
        var headers: HTTPFields = [.contentType: type]
        headers[.contentDisposition] = "attachment; filename=\"\(String(String.UnicodeScalarView(plain)))\""
        return Response(status: .ok, headers: headers, body: body)
    }
}

extension Request {
    /// A whole number in the query; `nil` when it is not there.
    ///
    /// - Throws: 400 when it is something else.
    func number(_ name: String) throws -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text) else {
            throw HTTPError(.badRequest, message: "`\(name)` is no whole number.")
        }
        return number
    }

    /// Reads a small JSON body.
    ///
    /// - Throws: 400 when it is something else; what happens when there is more than `limit` bytes of it.
    func json<Value: Decodable>(_ type: Value.Type, limit: Int, or message: String) async throws -> Value {
        let body = try await body.collect(upTo: limit)
        do {
            return try AdminCoding.decode(type, from: Data(buffer: body))
        } catch {
            throw HTTPError(.badRequest, message: message)
        }
    }
}

/// Hummingbird passes on the list of header fields, but not the field's own name.
typealias HeaderName = HTTPFields.Element.Name
