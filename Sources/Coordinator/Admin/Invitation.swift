package import Foundation
private import QRCodes
import Transport

/// What is asked for with an invitation.
struct InvitationOrder: Codable {
    /// How long the join string is good for.
    let seconds: Int
}

/// A join string, for those who read it and those who photograph it.
package struct Invitation: Hashable, Sendable, Codable {
    /// A QR code as an SVG path of unit modules.
    package struct Code: Hashable, Sendable, Codable {
        /// Modules a side, without the quiet zone of 4.
        package let size: Int
        package let path: String
    }

    package let client: String
    package let joinString: String
    package let expiry: Date
    package let code: Code

    /// How long an invitation may be good for, in seconds.
    package static let lifetimes = 1...(30 * 86_400)

    init(client: String, _ joinString: JoinString) throws {
        self.client = client
        self.joinString = joinString.text
        self.expiry = joinString.expiry
        let code = try QRCode(joinString.text)
        self.code = Code(size: code.size, path: code.path)
    }
}
