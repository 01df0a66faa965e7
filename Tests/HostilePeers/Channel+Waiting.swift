import NIOCore

extension Channel {
    /// Waits until the other side closes; closes itself when the task is cancelled.
    func waitUntilClosed() async throws {
        try await withTaskCancellationHandler {
            try await closeFuture.get()
        } onCancel: {
            close(promise: nil)
        }
    }
}
