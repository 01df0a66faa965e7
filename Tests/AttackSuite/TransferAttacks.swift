import FederationHarness
import Foundation
import NIOCore
import SwiftProtobuf
import WireProtocol

/// Uploads that break the rules of transfers, and what is said of them that is not true.
enum TransferAttacks {
    static let all: [Attack] = chunks + statements + fetches

    /// Answers the request for the bytes of a payload with frames of the attacker's choice.
    private static func upload(
        _ name: String,
        _ reason: String,
        _ frames: @Sendable @escaping (_ payload: [UInt8], _ digest: PayloadDigest) -> [Frame]
    ) -> Attack {
        Attack(
            "transfer/\(name)",
            .transfer,
            .offers(
                Offering(
                    // As long as may be: rules on chunks in the middle need a middle.
                    // Of its own bytes: nothing that an earlier attack left is gone on with.
                    payload: { handed, _ in
                        handed + Wire.noise(60_000, seed: PayloadDigest(hashing: Array(name.utf8)).seed)
                    },
                    frames: { payload, request in
                        guard let digest = PayloadDigest(bytes: request.sha256) else { return [] }
                        return frames(payload, digest)
                    }
                )
            ),
            .goodbye(.protocolError, reason)
        )
    }

    private static func chunk(_ digest: PayloadDigest, _ offset: Int, _ bytes: some Collection<UInt8>) -> Frame {
        .chunk(Chunk(digest: digest, offset: UInt64(offset), bytes: ByteBuffer(bytes: bytes)))
    }

    private static let size = FrameLimits.smallestInnerChunkBytes

    private static let chunks: [Attack] = [
        upload("begins-in-the-middle", "begins at offset") { [chunk($1, size, $0[size..<2 * size])] },
        upload("leaves-a-gap", "begins at offset") {
            [chunk($1, 0, $0[..<size]), chunk($1, size + 1, $0[(size + 1)..<2 * size])]
        },
        upload("repeats-itself", "begins at offset") { [chunk($1, 0, $0[..<size]), chunk($1, 0, $0[..<size])] },
        upload("overlaps", "begins at offset") { [chunk($1, 0, $0[..<size]), chunk($1, size - 1, $0[..<size])] },
        upload("runs-backwards", "begins at offset") {
            [chunk($1, size, $0[size..<2 * size]), chunk($1, 0, $0[..<size])]
        },
        upload("comes-byte-by-byte", "at least") { payload, digest in
            (0..<100).map { chunk(digest, $0, payload[$0..<$0 + 1]) }
        },
        upload("comes-in-pieces-a-byte-too-small", "at least") { [chunk($1, 0, $0[..<(size - 1)])] },
        upload("goes-beyond-its-end", "ends at offset") { payload, digest in
            var offset = 0
            var frames: [Frame] = []
            while offset < payload.count {
                frames.append(chunk(digest, offset, [UInt8](repeating: 0, count: size)))
                offset += size
            }
            return frames
        },
        upload("is-of-another-payload", "nobody asked for") { payload, _ in
            [chunk(PayloadDigest(hashing: [7]), 0, payload[..<size])]
        },
        upload("has-other-bytes-than-its-digest", "has the digest") { payload, digest in
            var other = payload
            other[0] ^= 1
            let request = Tributary_V1_UploadRequest.with { $0.sha256 = digest.message }
            return Offering.chunks(of: other, for: request)
        },
        upload("comes-in-chunks-of-a-mebibyte", "claims") { _, digest in
            [chunk(digest, 0, [UInt8](repeating: 0, count: 1 << 20))]
        },
        upload("begins-at-the-last-offset", "begins at offset") { _, digest in
            [.chunk(Chunk(digest: digest, offset: .max - 1, bytes: ByteBuffer(repeating: 0, count: 1)))]
        },
        Attack(
            "transfer/is-offered-again-while-it-comes",
            .conversation,
            .offers(
                Offering(
                    payload: { handed, _ in handed + [0] },
                    frames: { _, request in
                        let again = Tributary_V1_UpdateOffer.with {
                            $0 = Said.updateOffer
                            $0.id = request.id
                        }
                        return [.message(.updateOffer(again))]
                    }
                )
            ),
            .goodbye(.protocolError, "is being uploaded")
        ),
    ]

    // MARK: - What is said of an update

    private static func statement(
        _ name: String,
        _ threat: Threat,
        _ reason: String,
        _ change: @Sendable @escaping (inout Tributary_V1_UpdateOffer) -> Void
    ) -> Attack {
        Attack("transfer/\(name)", threat, .offers(Offering(change: change)), .rejected(reason))
    }

    private static let statements: [Attack] = [
        statement("states-a-higher-rank", .adapterFit, "rank 16") { $0.adapter.rank = 16 },
        statement("states-a-rank-of-65536", .adapterFit, "rank 65536") { $0.adapter.rank = 65_536 },
        statement("states-a-lower-rank", .adapterFit, "rank") { $0.adapter.rank = 4 },
        statement("states-another-alpha", .adapterFit, "alpha") { $0.adapter.alpha = 1e300 },
        statement("states-the-least-alpha", .adapterFit, "alpha") { $0.adapter.alpha = .leastNonzeroMagnitude },
        statement("states-another-scaling", .adapterFit, "use_rslora") { $0.adapter.rankStabilizedScaling.toggle() },
        statement("states-a-gibibyte", .claims, "at most") { $0.adapter.byteCount = 1 << 30 },
        statement("states-the-largest-payload", .claims, "at most") { $0.adapter.byteCount = 4096 << 20 },
        statement("states-a-billion-examples", .claims, "training examples") { $0.exampleCount = 1 << 40 },
        statement("states-2-to-the-63-less-1-examples", .claims, "training examples") {
            $0.exampleCount = UInt64(Int64.max)
        },
        Attack(
            "transfer/states-2-to-the-64-examples",
            .claims,
            .offers(Offering(change: { $0.exampleCount = .max })),
            .goodbye(.protocolError, "out of range")
        ),
        Attack(
            "transfer/states-figures-that-are-none",
            .peerText,
            .offers(
                Offering(change: {
                    $0.metrics = [
                        "loss": .nan, "seconds": .infinity, "\u{1B}[2J": 1, "a\nb": 2, "=cmd|' /C calc'!A0": 3,
                        "bytes_up": 1e300, "epsilon": .nan, "epsilon_next": -.infinity,
                    ]
                })
            ),
            .counted
        ),
    ]

    // MARK: - Fetches

    private static func fetch(_ name: String, from offset: @Sendable @escaping (UInt64) -> UInt64) -> Attack {
        Attack(
            "transfer/\(name)",
            .transfer,
            .offers(Offering(fetchOffset: { offset($0.byteCount) })),
            .goodbye(.protocolError, "not inside a payload")
        )
    }

    private static let fetches: [Attack] = [
        fetch("fetches-from-the-end") { $0 }, fetch("fetches-from-beyond-the-end") { $0 + 1 },
        fetch("fetches-from-2-to-the-63") { _ in 1 << 63 }, fetch("fetches-from-2-to-the-64-less-1") { _ in .max },
    ]
}

extension PayloadDigest {
    /// A number that differs where digests do.
    fileprivate var seed: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
