/// A QR code of model 2 (ISO/IEC 18004) that holds bytes, at error correction level M: 15 % of it may be unreadable.
///
/// The smallest version that has room is taken, and of the eight masks the one with the least penalty.
package struct QRCode: Sendable, Equatable {
    /// How many modules each side has, 21 to 177.
    ///
    /// A quiet zone of 4 light modules belongs around them.
    package let size: Int
    private let modules: [Bool]

    /// Encodes a text as UTF-8.
    ///
    /// - Throws: ``QRCodeError/tooLong(bytes:limit:)`` above 2,331 bytes.
    package init(_ text: String) throws(QRCodeError) {
        try self.init(bytes: Array(text.utf8))
    }

    /// Encodes bytes.
    ///
    /// - Parameters:
    ///   - bytes: At most 2,331.
    ///   - mask: The mask to use, in 0...7; `nil` for the one with the least penalty.
    /// - Throws: ``QRCodeError/tooLong(bytes:limit:)``.
    init(bytes: [UInt8], mask: Int? = nil) throws(QRCodeError) {
        guard let version = QRVersion.smallest(forBytes: bytes.count) else {
            throw .tooLong(bytes: bytes.count, limit: QRVersion.all.map(\.byteCapacity).max() ?? 0)
        }
        let grid = QRGrid(version: version, codewords: QRCodewords.of(bytes, version: version))
        let candidates = (mask.map { [$0] } ?? Array(0..<8)).map(grid.masked)
        // The first of several equals, as readers of the standard expect.
        guard let best = candidates.min(by: { $0.penalty < $1.penalty }) else {
            preconditionFailure("there are eight masks")
        }
        self.size = version.size
        self.modules = best.modules
    }

    /// Whether the module in a column and a row, counted from the upper left corner, is dark.
    package subscript(column: Int, row: Int) -> Bool { modules[row * size + column] }
}

/// Why something cannot become a QR code.
package enum QRCodeError: Error, Equatable {
    case tooLong(bytes: Int, limit: Int)
}

extension QRCodeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLong(let bytes, let limit):
            "\(bytes) bytes do not fit into a QR code. Shorten them to \(limit)."
        }
    }
}
