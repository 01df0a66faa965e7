import Logging
import WireProtocol

// How long a session waits for its client, and what the client hears meanwhile.

extension ClientSession {
    /// When the session ends unless something comes before.
    var deadline: ContinuousClock.Instant {
        min(conversation.deadline, certificateEnd, logReaders.first?.deadline ?? certificateEnd)
    }

    /// When the session is to be looked at again, at the latest.
    var nextLook: ContinuousClock.Instant { min(deadline, environment.now() + environment.limits.heartbeat) }

    /// Ends the session when its deadline has passed.
    ///
    /// - Parameter begun: How far the chunk is that is coming in.
    /// - Returns: Whether it goes on.
    func checkDeadline(begun: BegunChunk? = nil) -> Bool {
        guard !isOver else { return false }
        guard environment.now() < certificateEnd else {
            logger.info("The certificate has ended")
            end(
                Tributary_V1_Goodbye(
                    .unspecified,
                    "The certificate of '\(client)' has ended. Connect with a newer one."
                )
            )
            return false
        }
        do {
            try conversation.checkDeadline(at: environment.now(), begun: begun)
        } catch {
            logger.info("Client went silent", metadata: ["reason": "\(error)"])
            end(error.goodbye)
        }
        if begun != nil { speakForItself() }
        if let reader = logReaders.first, environment.now() >= reader.deadline {
            logger.info("Client lends its log and does not hand it out")
            end(Tributary_V1_Goodbye(.idle, "A request for lines of the log was not answered."))
        }
        return !isOver
    }

    /// Tells the client that the server is there, when it has heard nothing for a heartbeat.
    ///
    /// On a slow line a client's Ping waits behind its own chunk, and so would the Pong that it waits for.
    private func speakForItself() {
        guard environment.now() - lastSaid >= environment.limits.heartbeat else { return }
        var ping = Tributary_V1_Ping()
        ping.nonce = 1
        send(.ping(ping))
    }
}
