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

    /// Hands what was printed to the system; where that fails, standard error says why.
    ///
    /// A reader that wants no more, such as `head`, is nothing to speak of.
    ///
    /// - Returns: Whether everything was taken. Without that, a listing on a full disk would end early and look whole.
    package static func flush() -> Bool {
        // All streams, because the variable `stdout` is not safe to read beside other threads.
        guard fflush(nil) != 0 else { return true }
        let code = errno
        if code != EPIPE {
            let program = ProcessInfo.processInfo.processName
            let reason = String(cString: strerror(code))
            StandardError.write("\(program): The results cannot be written: \(reason). They are not complete.")
        }
        return false
    }

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
