private import Foundation

/// Where results go, and what may be done to them for people.
package enum StandardOutput {
    /// How many characters a line of the terminal has; `nil` when results go into a file or a pipe.
    package static var width: Int? {
        guard isTerminal else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    private static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether colours and bold type are shown; see ``usesStyles(isTerminal:environment:)``.
    private static let areStylesShown = usesStyles(
        isTerminal: isTerminal,
        environment: ProcessInfo.processInfo.environment
    )

    /// Whether colours and bold type may be shown: on a terminal that knows them, unless `NO_COLOR` asks for none
    /// (https://no-color.org).
    package static func usesStyles(isTerminal: Bool, environment: [String: String]) -> Bool {
        isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    /// Returns `text` in a style where styles are shown, and as it is elsewhere.
    package static func styled(_ text: String, _ style: TextStyle) -> String {
        areStylesShown ? style.applied(to: text) : text
    }
}
