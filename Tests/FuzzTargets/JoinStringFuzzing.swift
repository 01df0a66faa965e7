import Crypto
import Foundation
import Transport

/// Reads a text as a join string, and a content with the check that belongs to it.
enum JoinStringFuzzing {
    static func run(_ bytes: [UInt8]) {
        read(String(decoding: bytes, as: UTF8.self))
        // No fuzzer guesses a hash: with the right one, the parts behind it are reached.
        let checked = bytes + SHA256.hash(data: bytes).prefix(4)
        let text = Data(checked).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        read("trib1" + text)
    }

    private static func read(_ line: String) {
        guard let join = try? JoinString(parsing: line) else { return }
        let again = try? JoinString(parsing: join.text)
        precondition(again == join, "what was written is read as another")
    }
}
