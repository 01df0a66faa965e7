package import Logging

/// Passes messages on to another handler, and those from `info` on to a ``LiveLog``, too.
package struct LiveLogHandler: LogHandler {
    package var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }
    package var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }
    package var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    private var base: any LogHandler
    private let log: LiveLog
    private let stamp: @Sendable () -> String

    /// - Parameters:
    ///   - base: Gets every message.
    ///   - log: Gets those from `info` on, as lines.
    ///   - stamp: The time, as it stands at a line's beginning.
    package init(_ base: any LogHandler, copyingTo log: LiveLog, stamp: @escaping @Sendable () -> String) {
        self.base = base
        self.log = log
        self.stamp = stamp
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    package func log(event: LogEvent) {
        base.log(event: event)
        guard event.level >= .info else { return }
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        log.append("\(stamp()) \(event.level): \(event.message)\(fields)")
    }
}
