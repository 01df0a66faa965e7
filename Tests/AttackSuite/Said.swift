import FederationHarness
import Foundation
import NIOCore
import SwiftProtobuf
import WireProtocol

/// Messages that are right in every field, for saying them at the wrong time, or changing one field.
enum Said {
    /// A message by the name that it has in names of attacks.
    typealias Named = (name: String, message: Tributary_V1_Control.OneOf_Message)

    static func order(_ kind: Tributary_V1_OrderID.Kind) -> Tributary_V1_OrderID {
        .with {
            $0.job = "6f1c0d0a-0000-4000-8000-00000000dead"
            $0.round = 1
            $0.kind = kind
        }
    }

    static var updateOffer: Tributary_V1_UpdateOffer {
        .with {
            $0.id = order(.train)
            $0.adapter = adapter
            $0.exampleCount = 1
        }
    }

    private static var adapter: Tributary_V1_AdapterReference {
        .with {
            $0.sha256 = PayloadDigest(hashing: [1]).message
            $0.byteCount = 1000
            $0.rank = 8
            $0.alpha = 16
        }
    }

    static func evaluationResult(_ kind: Tributary_V1_OrderID.Kind) -> Tributary_V1_EvaluationResult {
        .with {
            $0.id = order(kind)
            $0.exampleCount = 1
        }
    }

    static func fetch(of digest: PayloadDigest, from offset: UInt64 = 0) -> Tributary_V1_Control.OneOf_Message {
        .fetch(
            .with {
                $0.sha256 = digest.message
                $0.offset = offset
            }
        )
    }

    static var orderReply: Tributary_V1_Control.OneOf_Message {
        .orderReply(
            .with {
                $0.id = order(.train)
                $0.accepted = true
            }
        )
    }

    static var progress: Tributary_V1_Control.OneOf_Message {
        .progress(
            .with {
                $0.id = order(.train)
                $0.step = .max
                $0.stepCount = 1
                $0.loss = .nan
            }
        )
    }

    static var chunk: Frame {
        .chunk(Chunk(digest: PayloadDigest(hashing: [1]), offset: 0, bytes: ByteBuffer(repeating: 1, count: 1000)))
    }

    /// What clients send, but not first.
    static var byClients: [Named] {
        [
            ("order-reply", orderReply), ("progress", progress), ("fetch", fetch(of: PayloadDigest(hashing: [1]))),
            ("update-offer", .updateOffer(updateOffer)),
            ("evaluation-result", .evaluationResult(evaluationResult(.evaluate))),
            ("ping", .ping(Tributary_V1_Ping())), ("pong", .pong(Tributary_V1_Pong())),
        ]
    }

    /// What only servers send.
    static var byServers: [Named] {
        [
            ("welcome", .welcome(.with { $0.protocolVersion = ProtocolVersion.current })),
            ("order", .order(.with { $0.id = order(.train) })),
            ("order-withdrawal", .orderWithdrawal(.with { $0.id = order(.train) })),
            ("upload-request", .uploadRequest(.with { $0.id = order(.train) })),
            ("update-verdict", .updateVerdict(.with { $0.accepted = true })),
            ("evaluation-receipt", .evaluationReceipt(.with { $0.id = order(.evaluate) })),
        ]
    }

    /// What has its own listener.
    static var atEnrolment: [Named] {
        [
            ("enrolment-request", .enrolmentRequest(.with { $0.secret = Data(repeating: 1, count: 32) })),
            ("enrolment-response", .enrolmentResponse(.with { $0.accepted = true })),
        ]
    }
}
