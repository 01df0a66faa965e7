import Foundation
import Logging
import Synchronization
import Transport

/// How many clients can come back in a second after a restart: TCP, TLS 1.3 with both sides' certificates, and the judgement.
enum HandshakeBenchmark: Benchmark {
    static let name = "handshakes"
    private static let connections = 2000
    private static let breadth = 8
    private static let wanted = 800.0

    static func run() async throws -> [Row] {
        let credentials = try LoopbackCredentials()
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let (bound, boundContinuation) = AsyncStream.makeStream(of: BoundAddress.self)
        let admitted = Mutex(0)
        let listener = Task {
            try await FederationListener(host: "127.0.0.1", port: 0, credentials: credentials.server, logger: logger)
                .run(
                    onBound: { boundContinuation.yield($0) },
                    handle: { _ in admitted.withLock { $0 += 1 } }
                )
        }
        defer { listener.cancel() }
        guard let address = await bound.first(where: { _ in true }) else {
            try await listener.value
            return []
        }
        let seconds = try await Measurement.median(of: 3) {
            try await connect(to: address.port, credentials.client, logger: logger)
        }
        let rate = Double(connections) / seconds
        // The first run is not counted in the time, and its handshakes are.
        guard admitted.withLock({ $0 }) == 4 * connections else { throw Failure() }
        return [
            Row(
                "Full mutual handshakes a second, both ends here, \(breadth) at a time",
                figure: String(format: "%.0f /s", rate),
                yardstick: String(format: "%.0f /s wanted", wanted),
                ratio: (rate / wanted).times
            )
        ]
    }

    /// Not every handshake ended in an admission.
    private struct Failure: Error {}

    private static func connect(to port: Int, _ client: ClientCredentials, logger: Logger) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<connections {
                if index >= breadth { try await group.next() }
                group.addTask {
                    try await FederationDialer.withConnection(
                        host: "127.0.0.1",
                        port: port,
                        credentials: client,
                        logger: logger
                    ) { connection in
                        // Until the server has judged: it closes when it has.
                        for try await _ in connection.inbound {}
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
