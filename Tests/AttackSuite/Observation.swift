import FederationHarness
import NIOCore
import WireProtocol

/// What an attacker saw of the server.
struct Observation: Sendable {
    /// Every application byte that came.
    var received = ByteBuffer()
    /// What became of an offer.
    var answer: HostileClient.Answer?

    /// The messages among the bytes, as far as they are whole.
    var messages: [Tributary_V1_Control.OneOf_Message] {
        var rest = received
        var messages: [Tributary_V1_Control.OneOf_Message] = []
        while let frame = try? FrameDecoder.readFrame(from: &rest, limits: .federation) {
            if case .control(let control) = frame, let message = control.message { messages.append(message) }
        }
        return messages
    }

    /// The server's last word.
    var goodbye: Tributary_V1_Goodbye? {
        if case .goodbye(let goodbye)? = answer { return goodbye }
        for case .goodbye(let goodbye) in messages { return goodbye }
        return nil
    }

    /// The status in the first line of an HTTP response.
    var status: Int? {
        let line = String(decoding: received.readableBytesView.prefix { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        let words = line.split(separator: " ")
        guard line.hasPrefix("HTTP/1."), words.count > 1 else { return nil }
        return Int(words[1])
    }
}
