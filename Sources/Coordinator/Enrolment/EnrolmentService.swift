import ServiceLifecycle
package import Transport

/// Serves invited strangers until the server shuts down.
package struct EnrolmentService: Service {
    private let listener: EnrolmentListener
    private let desk: EnrolmentDesk
    private let federation: @Sendable () async -> ListenAddress
    private let onBound: @Sendable (BoundAddress) async -> Void

    /// Creates the service; `onBound` is told where strangers can connect.
    ///
    /// `federation` says where new clients are to connect, as soon as that is known.
    package init(
        listener: EnrolmentListener,
        desk: EnrolmentDesk,
        federation: @escaping @Sendable () async -> ListenAddress,
        onBound: @escaping @Sendable (BoundAddress) async -> Void
    ) {
        self.listener = listener
        self.desk = desk
        self.federation = federation
        self.onBound = onBound
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await listener.run(onBound: onBound) { attempt in
                await desk.enrol(attempt, federation: federation())
            }
        }
    }
}
