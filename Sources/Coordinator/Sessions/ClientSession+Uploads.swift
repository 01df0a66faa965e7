import Aggregation
import FederatedLearning
import Logging
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
        defer { returnUploadPlace() }
        inConsideration[offer.order] = .wanted
        let standing = try await environment.runs.standing(of: offer)
        guard let consideration = inConsideration.removeValue(forKey: offer.order) else { return }
        switch standing {
        case .accepted:
            answer(offer.order, with: .accepted)
            return
        case .settled(let reason):
            answer(offer.order, with: .rejected(reason: reason))
            return
        case .awaited(let handed):
            if case .withdrawn(let reason) = consideration {
                return answer(offer.order, with: .rejected(reason: reason))
            }
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
        if environment.payloads.contains(digest) {
            inConsideration[offer.order] = .wanted
            let isHere = try await environment.payloads.settles(digest)
            guard let consideration = inConsideration.removeValue(forKey: offer.order) else { return }
            if case .withdrawn(let reason) = consideration {
                return answer(offer.order, with: .rejected(reason: reason))
            }
            if isHere { return await environment.registry.report(.offered(offer), from: self) }
        }
        guard uploads[digest] == nil, !postponed.contains(where: { $0.digest == digest }) else {
            answer(offer.order, with: .rejected(reason: "The same bytes are on their way for another order."))
            return
        }
        conversation.postponeUpload(of: message, digest: digest)
        postponed.append(Offered(digest: digest, offer: offer, message: message))
        if !hasUploadPlace, !waitsForUploadPlace {
            waitsForUploadPlace = true
            guard await environment.uploads.enter(self) else { return }
            takeUploadPlace()
        }
        if hasUploadPlace { try await requestUploads() }
    }

    /// Rejects an offer that has not come in whole, because its order is withdrawn.
    ///
    /// - Returns: Whether there was one.
    func takeBack(_ order: WorkOrder.ID, reason: String) -> Bool {
        if inConsideration[order] != nil {
            // The answer follows: the store may yet say that the update counts.
            inConsideration[order] = .withdrawn(reason: reason)
            return true
        }
        if let upload = uploads.first(where: { $0.value.offered.offer.order == order }) {
            uploads[upload.key] = nil
        } else if let index = postponed.firstIndex(where: { $0.offer.order == order }) {
            postponed.remove(at: index)
        } else {
            return false
        }
        answer(order, with: .rejected(reason: reason))
        returnUploadPlace()
        return true
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
        let awaitsNothing = uploads.isEmpty && postponed.isEmpty && inConsideration.isEmpty
        guard hasUploadPlace, isOver || awaitsNothing else { return }
        hasUploadPlace = false
        Task { [gate = environment.uploads] in await gate.leave() }
    }

    private func requestUploads() async throws {
        while !isOver, !postponed.isEmpty {
            let offered = postponed.removeFirst()
            let offer = offered.offer
            inConsideration[offer.order] = .wanted
            let receiver = try await environment.payloads.beginReceiving(
                offered.digest,
                byteCount: offered.message.adapter.byteCount,
                from: client.rawValue,
                maximum: environment.limits.payloadBytes,
                on: payloadExecutor
            )
            let start = await receiver.offset
            // Everything had come before the last break.
            let isComplete = start == offered.message.adapter.byteCount
            let isWhole = isComplete ? try await finish(receiver, from: start) : false
            guard let consideration = inConsideration.removeValue(forKey: offer.order) else { return }
            if case .withdrawn(let reason) = consideration {
                // Its client has given the update up, and would send nothing.
                answer(offer.order, with: .rejected(reason: reason))
            } else if isWhole {
                await environment.registry.report(.offered(offer), from: self)
            } else if isComplete {
                postponed.insert(offered, at: 0)
            } else {
                uploads[offered.digest] = Upload(offered: offered, receiver: receiver, start: start)
                frames.yield(
                    try conversation.requestUpload(of: offered.message, from: start, at: environment.now())
                )
            }
        }
        returnUploadPlace()
    }

    func store(_ chunk: Chunk, isLast: Bool) async throws {
        guard let upload = uploads[chunk.digest] else { return }
        try await upload.receiver.append(chunk.bytes, at: chunk.offset)
        await environment.registry.moved(client, .train, up: chunk.bytes.readableBytes)
        guard isLast else { return }
        let isWhole = try await finish(upload.receiver, from: upload.start)
        // Withdrawn while it was on its way to the disk: the client has its answer.
        guard uploads.removeValue(forKey: chunk.digest) != nil else { return }
        guard isWhole else {
            postponed.insert(upload.offered, at: 0)
            return try await requestUploads()
        }
        returnUploadPlace()
        await environment.registry.report(.offered(upload.offered.offer), from: self)
    }

    /// Puts a payload whose last byte is here into the store.
    ///
    /// - Returns: Whether it has the announced bytes. When it has not, but a part was here before this connection, a crash
    ///   may have spoiled that part: nothing is left of it, and all of it is to be asked for again.
    /// - Throws: `PayloadError.wrongDigest` when all bytes came over this connection.
    private func finish(_ receiver: PayloadReceiver, from start: UInt64) async throws -> Bool {
        do {
            try await receiver.finish()
            return true
        } catch PayloadError.wrongDigest where start > 0 {
            logger.info("What an earlier connection left of an upload is damaged")
            return false
        }
    }
}
