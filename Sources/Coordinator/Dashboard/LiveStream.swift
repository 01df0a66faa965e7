import Hummingbird
import NIOCore

/// Server-sent events (the HTML standard's `text/event-stream`): `overview`, with the overview as JSON, whenever it has
/// changed.
///
/// ```
/// id: 17
/// event: overview
/// data: {"clients":{"connected":4,…},"jobs":[…]}
/// ```
struct LiveStream: Sendable {
    let overviews: Overviews
    /// Whether who reads it is still logged in.
    let isAdmitted: @Sendable () -> Bool

    /// How often a change is looked for.
    private static let interval = Duration.seconds(1)
    /// After so many silent intervals a comment is sent: by it, a connection that nobody reads any more is noticed.
    private static let silence = 15

    /// Writes until the reader is gone or no longer logged in, or the server shuts down.
    func response() -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/event-stream"],
            body: ResponseBody { writer in
                var told = 0
                var silence = 0
                while true {
                    let edition = try await overviews.edition(at: .now)
                    if edition.number != told {
                        told = edition.number
                        silence = 0
                        try await writer.write(Self.event(edition))
                    } else if silence >= Self.silence {
                        silence = 0
                        try await writer.write(ByteBuffer(string: ": still here\n\n"))
                    }
                    silence += 1
                    guard !overviews.feed.isClosed, isAdmitted() else { break }
                    try await Task.sleep(for: Self.interval)
                }
                try await writer.finish(nil)
            }
        )
    }

    /// JSON as it is written here holds no line ends.
    static func event(_ edition: Overviews.Edition) -> ByteBuffer {
        var buffer = ByteBuffer(string: "id: \(edition.number)\nevent: overview\ndata: ")
        buffer.writeImmutableBuffer(edition.json)
        buffer.writeString("\n\n")
        return buffer
    }
}
