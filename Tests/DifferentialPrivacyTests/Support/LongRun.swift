import Foundation

/// How much randomised tests do: `TRIBUTARY_LONG_TESTS=1 swift test …` does what takes minutes.
enum LongRun {
    private static let isOn = ProcessInfo.processInfo.environment["TRIBUTARY_LONG_TESTS"] != nil

    static func count(_ long: Int, otherwise short: Int) -> Int { isOn ? long : short }
}
