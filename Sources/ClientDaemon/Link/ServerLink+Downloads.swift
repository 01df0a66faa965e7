package import FederatedLearning
private import NIOCore
private import Synchronization
import Transport
import WireProtocol

// Payloads on their way here: asked for one after the other, given up, and wanted again.

extension ServerLink {
    /// Asks for a payload, from where an earlier attempt stopped.
    package func fetch(_ adapter: AdapterReference) {
        state.withLock { _ = $0.queuedDownloads.insert(PayloadDigest(adapter.digest)) }
        requestsContinuation.yield(.fetch(adapter))
    }

    /// Stops wanting a payload that is on its way; nothing happens when none is.
    package func abandonFetch(of digest: ContentDigest) {
        state.withLock { state in
            let digest = PayloadDigest(digest)
            state.queuedDownloads.remove(digest)
            let isUnderWay = state.downloads.removeValue(forKey: digest) != nil
            let isPostponed = state.postponedDownloads.removeValue(forKey: digest) != nil
            if isUnderWay || isPostponed { state.conversation.abandonFetch(digest) }
        }
    }

    // MARK: - Bytes

    func beginDownload(_ adapter: AdapterReference, for driver: TaskDriver) async throws {
        let digest = PayloadDigest(adapter.digest)
        do {
            guard !payloads.contains(digest) else { return await driver.payloadArrived(adapter.digest) }
            let isDue = state.withLock { state in
                // Abandoned, or under way, since it was asked for.
                guard state.queuedDownloads.contains(digest), state.downloads[digest] == nil else { return false }
                guard state.conversation.wantAgain(digest) else { return true }
                state.queuedDownloads.remove(digest)
                state.postponedDownloads[digest] = adapter
                return false
            }
            guard isDue else { return }
            let byteCount = UInt64(adapter.byteCount)
            let receiver = try await payloads.beginReceiving(
                digest,
                byteCount: byteCount,
                maximum: limits.payloadBytes,
                on: payloadExecutor
            )
            let start = await receiver.offset
            guard start < byteCount else { return try await finish(receiver, of: adapter, driver) }
            let frame: Frame? = try state.withLock { state in
                guard state.queuedDownloads.remove(digest) != nil else { return nil }
                state.downloads[digest] = Download(adapter: adapter, receiver: receiver, start: start)
                return try state.conversation.fetch(digest, byteCount: byteCount, from: start, at: .now)
            }
            if let frame { try await connection.send(frame) }
        } catch PayloadError.wrongDigest {
            // All bytes were here, but not the right ones: they are gone now, so this begins anew.
            fetch(adapter)
        } catch let error as PayloadError {
            await driver.payloadFailed(adapter.digest, error)
        }
    }

    func received(_ chunk: Chunk, isLast: Bool, _ driver: TaskDriver) async throws {
        guard let download = state.withLock({ $0.downloads[chunk.digest] }) else { return }
        do {
            try await download.receiver.append(chunk.bytes, at: chunk.offset)
            guard isLast else { return }
            _ = state.withLock { $0.downloads.removeValue(forKey: chunk.digest) }
            try await finish(download.receiver, of: download.adapter, driver)
        } catch PayloadError.wrongDigest where download.start > 0 {
            // The half that was here before may be to blame; the next attempt starts from nothing.
            fetch(download.adapter)
        } catch let error as PayloadError {
            state.withLock { state in
                state.downloads[chunk.digest] = nil
                state.conversation.abandonFetch(chunk.digest)
            }
            await driver.payloadFailed(download.adapter.digest, error)
        }
    }

    private func finish(
        _ receiver: PayloadReceiver,
        of adapter: AdapterReference,
        _ driver: TaskDriver
    ) async throws {
        try await receiver.finish()
        await driver.payloadArrived(adapter.digest)
    }
}
