import NIOCore
import WireProtocol

/// Bytes as attackers write them: frames that are right, and frames that are not.
enum Wire {
    static let control: UInt8 = 1
    static let chunk: UInt8 = 2

    /// The bytes of a frame that an honest side could send.
    static func bytes(_ frame: Frame) -> [UInt8] {
        let pieces = (try? frame.serialized(limits: .federation)) ?? []
        return pieces.flatMap { Array($0.readableBytesView) }
    }

    static func message(_ message: Tributary_V1_Control.OneOf_Message) -> [UInt8] { bytes(.message(message)) }

    static func ping(_ nonce: UInt64) -> [UInt8] {
        var ping = Tributary_V1_Ping()
        ping.nonce = nonce
        return message(.ping(ping))
    }

    /// A frame of any kind with any body, under its true length.
    static func frame(_ kind: UInt8, _ body: [UInt8]) -> [UInt8] { length(UInt32(body.count + 1)) + [kind] + body }

    /// A length word.
    static func length(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    /// A protobuf field of a length that is claimed, and the bytes that follow it.
    static func field(_ number: UInt8, claiming length: UInt64, _ bytes: [UInt8] = []) -> [UInt8] {
        varint(UInt64(number) << 3 | 2) + varint(length) + bytes
    }

    static func varint(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// Bytes that look like anything, the same every time: a linear congruential generator.
    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}
