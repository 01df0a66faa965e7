import ArgumentParser

/// A span of time as it is typed: a number and one of `s`, `m`, `h` and `d`.
struct TimeToLive: ExpressibleByArgument {
    let seconds: Int

    private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    private static let longest = 30 * 86_400

    init(seconds: Int) {
        self.seconds = seconds
    }

    /// Reads `argument`, or returns `nil` when it is no span from a second to 30 days.
    init?(argument: String) {
        guard let unit = argument.last.flatMap({ Self.units[$0] }), let count = Int(argument.dropLast()) else {
            return nil
        }
        let (seconds, overflows) = count.multipliedReportingOverflow(by: unit)
        guard !overflows, (1...Self.longest).contains(seconds) else { return nil }
        self.seconds = seconds
    }

    var defaultValueDescription: String {
        seconds.isMultiple(of: 60) ? "\(seconds / 60)m" : "\(seconds)s"
    }
}
