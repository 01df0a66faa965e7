import NIOCore
import Testing

@testable import WireProtocol

@Suite("An incoming transfer")
struct IncomingTransferTests {
    private let digest = PayloadDigest(hashing: [1])
    private let inner = FrameLimits.smallestInnerChunkBytes

    private func chunk(_ offset: UInt64, _ count: Int) -> Chunk {
        Chunk(digest: digest, offset: offset, bytes: ByteBuffer(repeating: 1, count: count))
    }

    @Test("stands still while another moves, unless the two come one after the other", arguments: [false, true])
    func turns(comesInTurn: Bool) throws {
        let start = ContinuousClock.now
        var table = TransferTable(comesInTurn: comesInTurn)
        for digest in [digest, PayloadDigest(hashing: [2])] {
            table.begin(try IncomingTransfer(digest: digest, byteCount: UInt64(2 * inner), from: 0), at: start)
        }
        _ = try table.accept(chunk(0, inner), at: start + .seconds(5))
        #expect(table.oldestMovement == start + .seconds(comesInTurn ? 5 : 0))
    }

    @Test("moves with every part of a chunk that is as large as its slowest pace asks for")
    func parts() throws {
        let start = ContinuousClock.now
        var table = TransferTable()
        table.begin(try IncomingTransfer(digest: digest, byteCount: UInt64(2 * inner), from: 0), at: start)
        func accept(_ byteCount: Int, after seconds: Int) -> Bool {
            let begun = BegunChunk(digest: digest, byteCount: byteCount)
            return table.accept(begun, slowest: 100, at: start + .seconds(seconds))
        }
        let other = BegunChunk(digest: PayloadDigest(hashing: [2]), byteCount: inner)
        let isOthersCounted = table.accept(other, slowest: 100, at: start + .seconds(1))
        #expect(!isOthersCounted)
        #expect(!accept(999, after: 10))
        #expect(table.oldestMovement == start)
        #expect(accept(1000, after: 10))
        #expect(table.oldestMovement == start + .seconds(10))
        // The same bytes do not count twice, not even when nothing is owed yet.
        #expect(!accept(1000, after: 10))
        #expect(!accept(1999, after: 20))
        #expect(accept(2100, after: 21))
        // With the whole chunk it begins anew.
        _ = try table.accept(chunk(0, inner), at: start + .seconds(30))
        #expect(!accept(99, after: 31))
        #expect(accept(100, after: 31))
        #expect(table.oldestMovement == start + .seconds(31))
    }

    @Test("is complete when the last byte has come")
    func completes() throws {
        var transfer = try IncomingTransfer(digest: digest, byteCount: UInt64(2 * inner + 1), from: 0)
        for (offset, count) in [(0, inner), (inner, inner), (2 * inner, 1)] {
            #expect(!transfer.isComplete)
            try transfer.accept(chunk(UInt64(offset), count))
        }
        #expect(transfer.isComplete)
    }

    @Test("resumes in the middle")
    func resumes() throws {
        var transfer = try IncomingTransfer(digest: digest, byteCount: 10, from: 7)
        try transfer.accept(chunk(7, 3))
        #expect(transfer.isComplete)
    }

    @Test("refuses gaps, repetitions, reordering, overlap, excess, crumbs and other payloads, and changes nothing")
    func refuses() throws {
        let size = UInt64(4 * inner)
        var transfer = try IncomingTransfer(digest: digest, byteCount: size, from: 0)
        try transfer.accept(chunk(0, inner))
        let before = transfer
        let next = UInt64(inner)
        let other = Chunk(
            digest: PayloadDigest(hashing: [2]),
            offset: next,
            bytes: ByteBuffer(repeating: 1, count: inner)
        )
        let cases: [(Chunk, ProtocolViolation)] = [
            (chunk(0, inner), .chunkOutOfOrder(expected: next, found: 0)),
            (chunk(next - 1, inner), .chunkOutOfOrder(expected: next, found: next - 1)),
            (chunk(2 * next, inner), .chunkOutOfOrder(expected: next, found: 2 * next)),
            (chunk(.max, 2), .chunkOutOfOrder(expected: next, found: .max)),
            (chunk(next, 4 * inner), .chunkBeyondEnd(end: 5 * next, byteCount: size)),
            (chunk(next, inner - 1), .chunkTooSmall(byteCount: inner - 1, minimum: inner)),
            (chunk(next, 0), .chunkTooSmall(byteCount: 0, minimum: inner)),
            (other, .unexpectedChunk(other.digest)),
        ]
        for (chunk, violation) in cases {
            #expect(throws: violation) { try transfer.accept(chunk) }
            #expect(transfer == before)
        }
    }

    @Test("cannot begin at or beyond the end", arguments: [0, 10, 11, UInt64.max])
    func beginsInside(_ offset: UInt64) {
        let byteCount = min(offset, 10)
        #expect(throws: ProtocolViolation.offsetBeyondEnd(offset: offset, byteCount: byteCount)) {
            try IncomingTransfer(digest: digest, byteCount: byteCount, from: offset)
        }
    }

    @Test("near the largest offset nothing overflows")
    func largest() throws {
        var transfer = try IncomingTransfer(digest: digest, byteCount: .max, from: .max - 1)
        #expect(throws: ProtocolViolation.chunkBeyondEnd(end: .max, byteCount: .max)) {
            try transfer.accept(chunk(.max - 1, 2))
        }
        try transfer.accept(chunk(.max - 1, 1))
        #expect(transfer.isComplete)
    }
}

@Suite("A message budget")
struct MessageBudgetTests {
    /// Spends one message's worth at each of these moments after the start.
    private func spend(
        _ budget: inout MessageBudget,
        at moments: [Duration],
        after start: ContinuousClock.Instant
    ) -> [Bool] {
        moments.map { budget.spend(at: start + $0) }
    }

    @Test("allows a burst, then a rate, and never saves up more than a burst")
    func bucket() {
        let start = ContinuousClock.now
        var budget = MessageBudget(burst: 3, perSecond: 2, now: start)
        let now = Duration.zero
        #expect(spend(&budget, at: [now, now, now, now], after: start) == [true, true, true, false])
        let soon: [Duration] = [.milliseconds(400), .milliseconds(500), .milliseconds(500)]
        #expect(spend(&budget, at: soon, after: start) == [false, true, false])
        let later = Duration.seconds(3600)
        #expect(spend(&budget, at: [later, later, later, later], after: start) == [true, true, true, false])
    }

    @Test("gains nothing from a clock that stands still or goes backwards")
    func clock() {
        let start = ContinuousClock.now
        var budget = MessageBudget(burst: 1, perSecond: 1000, now: start)
        #expect(spend(&budget, at: [.zero, .seconds(-60), .zero], after: start) == [true, false, false])
    }
}
