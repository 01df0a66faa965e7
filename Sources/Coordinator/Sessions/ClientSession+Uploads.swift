import Aggregation
import FederatedLearning
import NIOCore
import Transport
import WireProtocol

// Updates on their way in: offers, the place among those who upload, and the bytes.

extension ClientSession {
    /// Answers an offer that is settled, passes on one whose payload is here, and asks for the rest of one that is not.
    func consider(_ message: Tributary_V1_UpdateOffer, digest: PayloadDigest) async throws {
        guard let offer = UpdateOffer(message, from: client) else {
            throw ProtocolViolation.malformed(message: "UpdateOffer", field: "adapter", reason: "is out of range")
        }
        switch try await environment.runs.standing(of: offer) {
        case .accepted:
            answer(offer.order, with: .accepted)
            return
        case .settled(let reason):
            answer(offer.order, with: .rejected(reason: reason))
            return
        case .awaited(let handed):
            do {
                // Whether it may come back with a lower rank, and how many examples it may claim, is the run's to judge.
                try UpdateIntake.check(
                    offer,
                    against: handed,
                    rules: LocalRules(pruning: RankPruning()),
                    exampleLimit: .max
                )
            } catch {
                // Not worth its bytes. The run hears of it, so that it does not wait for this client.
                answer(offer.order, with: .rejected(reason: error.description))
                await environment.registry.report(.failed(client, offer.order, reason: error.description), from: self)
                return
            }
        }
        guard !environment.payloads.contains(digest) else {
            await environment.registry.report(.offered(offer), from: self)
            return
        }
        guard uploads[digest] == nil, !postponed.contains(where: { $0.digest == digest }) else {
            answer(offer.order, with: .rejected(reason: "The same bytes are on their way for another order."))
            return
        }
        conversation.postponeUpload(of: message, digest: digest)
        postponed.append((digest, offer, message))
        if !hasUploadPlace, !waitsForUploadPlace {
            waitsForUploadPlace = true
            guard await environment.uploads.enter(self) else { return }
            takeUploadPlace()
        }
        if hasUploadPlace { try await requestUploads() }
    }

    /// Takes the place that a gate has for this session, and asks for what was postponed.
    ///
    /// - Returns: Whether the place is wanted.
    func admitUploads() async -> Bool {
        guard !isOver, !postponed.isEmpty else {
            waitsForUploadPlace = false
            return false
        }
        takeUploadPlace()
        do {
            try await requestUploads()
        } catch {
            fail(error)
        }
        return true
    }

    private func takeUploadPlace() {
        waitsForUploadPlace = false
        hasUploadPlace = true
        if isOver { returnUploadPlace() }
    }

    /// Gives the place back when nothing is awaited any more.
    func returnUploadPlace() {
        guard hasUploadPlace, isOver || (uploads.isEmpty && postponed.isEmpty) else { return }
        hasUploadPlace = false
        Task { [gate = environment.uploads] in await gate.leave() }
    }

    private func requestUploads() async throws {
        while !isOver, !postponed.isEmpty {
            let (digest, offer, message) = postponed.removeFirst()
            let receiver = try await environment.payloads.beginReceiving(
                digest,
                byteCount: message.adapter.byteCount,
                from: client.rawValue,
                maximum: environment.limits.payloadBytes
            )
            guard !isOver else { return }
            let offset = await receiver.offset
            if offset == message.adapter.byteCount {
                // Everything had come before the last break.
                try await receiver.finish()
                await environment.registry.report(.offered(offer), from: self)
            } else {
                uploads[digest] = Upload(offer: offer, receiver: receiver)
                frames.yield(try conversation.requestUpload(of: message, from: offset, at: environment.now()))
            }
        }
        returnUploadPlace()
    }

    func store(_ chunk: Chunk, isLast: Bool) async throws {
        guard let upload = uploads[chunk.digest] else { return }
        try await upload.receiver.append(chunk.bytes, at: chunk.offset)
        await environment.registry.moved(client, .train, up: chunk.bytes.readableBytes)
        guard isLast else { return }
        try await upload.receiver.finish()
        // Withdrawn while it was on its way to the disk: the client has its answer.
        guard uploads.removeValue(forKey: chunk.digest) != nil else { return }
        returnUploadPlace()
        await environment.registry.report(.offered(upload.offer), from: self)
    }
}
