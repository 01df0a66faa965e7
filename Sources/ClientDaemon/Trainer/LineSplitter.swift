/// Puts the lines of a stream together, however its bytes arrive.
package struct LineSplitter: Sendable {
    /// A line that is longer than it may be.
    package struct Overflow: Error, Hashable {
        /// How the line begins.
        package let beginning: [UInt8]

        package init(beginning: [UInt8]) { self.beginning = beginning }
    }

    /// What is done about a line that is too long.
    package enum Policy: Sendable {
        case fail
        /// Its end is dropped.
        case cut
    }

    private let limit: Int
    private let policy: Policy
    private var line: [UInt8] = []

    /// Creates a splitter of lines of at most `limit` bytes, their ends not counted.
    package init(limit: Int, policy: Policy) {
        self.limit = limit
        self.policy = policy
    }

    /// Takes in the next bytes, and returns the lines that they complete, without their ends and without empty ones.
    ///
    /// - Throws: ``Overflow`` when a line is too long, unless such lines are cut.
    package mutating func take(_ bytes: some Sequence<UInt8>) throws(Overflow) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if let finished = finish() { lines.append(finished) }
            } else if line.count < limit {
                line.append(byte)
            } else if policy == .fail {
                throw Overflow(beginning: Array(line.prefix(256)))
            }
        }
        return lines
    }

    /// Ends the line at hand, and returns it if there is something in it.
    package mutating func finish() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line.isEmpty ? nil : line
    }
}
