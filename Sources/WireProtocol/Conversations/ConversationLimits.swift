/// How much patience and room a conversation has.
///
/// All waits are of the same kind: nothing came for that long, or next to nothing of a chunk. There is no limit on how long a
/// transfer or a training may take as long as it moves.
package struct ConversationLimits: Sendable, Hashable {
    /// How long the other side may take for its half of Hello and Welcome.
    package var greeting: Duration
    /// How often a client says that it is there.
    package var heartbeat: Duration
    /// How long a transfer that was asked for may stand still.
    package var transferPatience: Duration
    /// How many bytes a second a chunk has to bring, as long as it is not complete, for its transfer not to stand still.
    ///
    /// So little that every line is faster on which a connection can be held, and enough that nobody keeps one by a byte now and
    /// then.
    package var slowestTransfer: Int
    /// How many control messages may come at once, and how many a second after that.
    package var messageBurst: Int
    package var messagesPerSecond: Int
    /// The largest payload that is taken.
    package var payloadBytes: UInt64
    /// How many payloads one side may be fetching at a time.
    package var concurrentFetches: Int

    package init(
        greeting: Duration = .seconds(10),
        heartbeat: Duration = .seconds(10),
        transferPatience: Duration = .seconds(60),
        slowestTransfer: Int = 256,
        messageBurst: Int = 256,
        messagesPerSecond: Int = 64,
        payloadBytes: UInt64 = 16 << 30,
        concurrentFetches: Int = 4
    ) {
        self.greeting = greeting
        self.heartbeat = heartbeat
        self.transferPatience = transferPatience
        self.slowestTransfer = slowestTransfer
        self.messageBurst = messageBurst
        self.messagesPerSecond = messagesPerSecond
        self.payloadBytes = payloadBytes
        self.concurrentFetches = concurrentFetches
    }

    /// How long a connection may be silent: three heartbeats.
    package var silence: Duration { heartbeat * 3 }
}
