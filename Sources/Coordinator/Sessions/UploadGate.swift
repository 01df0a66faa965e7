private import DequeModule

/// Lets so many sessions receive uploads at a time, in the order in which they came.
///
/// An upload costs a few megabytes while it comes: what the socket, TLS and the frames before the disk hold. Their number is
/// the server's memory for uploads. Who waits costs nothing, and its client waits for the request.
package actor UploadGate {
    private var free: Int
    private var waiting: Deque<ClientSession> = []

    /// Creates a gate through which `limit` sessions go at a time.
    package init(limit: Int = 64) {
        self.free = limit
    }

    /// Takes a place, or has the session wait for one: ``ClientSession/admitUploads()`` is called then.
    ///
    /// - Returns: Whether the session has a place now.
    func enter(_ session: ClientSession) -> Bool {
        guard free > 0 else {
            waiting.append(session)
            return false
        }
        free -= 1
        return true
    }

    /// Gives a place back, to the next one who still wants it.
    func leave() async {
        while let next = waiting.popFirst() {
            if await next.admitUploads() { return }
        }
        free += 1
    }
}
