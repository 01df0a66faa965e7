import Glibc
import NIOCore

/// What both ends set their sockets to.
enum ConnectionOptions {
    /// Small while a connection is quiet, a chunk while a payload moves.
    ///
    /// Large reads are what makes TLS fast, as long as what was read is decrypted, hashed and written before it has left the
    /// processor's cache.
    static var receiveAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 8 << 10, maximum: 256 << 10)
    }

    /// How many reads are decrypted before anybody may look at the first: with more, the hash waits for them.
    static let readsAtOnce: UInt = 1

    /// How many frames wait for their reader before the socket is no longer read: little more than a megabyte of chunks.
    static let frameBackPressure =
        NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(lowWatermark: 2, highWatermark: 4)

    /// A sender waits when this much lies in the socket's queue.
    static let writeWaterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)

    /// How the system asks after a peer of which nothing comes, so that a machine or a way that is gone shows within 5 seconds.
    ///
    /// The peer's system answers, however busy its programs are; whether those are alive shows by their heartbeats. What is
    /// unacknowledged for ``patience`` ends a connection, not `TCP_USER_TIMEOUT`, which would also end that of a peer that is slow
    /// to read.
    enum KeepAlive {
        /// How long a connection is quiet before the first question, how long each waits for its answer, in seconds, and how many go
        /// unanswered.
        private static let (idle, interval, count) = (2, 1, 2)

        /// The longest that nothing is heard of a machine that is alive: the questions' time.
        static let patience = Duration.seconds(idle + interval * count)

        /// The options of a socket, with their values.
        static let options: [(ChannelOptions.Types.SocketOption, Int)] = [
            (.socketOption(.so_keepalive), 1),
            (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), idle),
            (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), interval),
            (.tcpOption(.init(rawValue: TCP_KEEPCNT)), count),
        ]
    }
}
