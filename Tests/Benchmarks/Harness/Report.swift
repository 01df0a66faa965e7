import Foundation

/// Writes rows as a Markdown table.
enum Report {
    /// The machine and the date, because a figure means nothing without them.
    static func header(processors: Int) -> String {
        let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = information.split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
        return "\(model ?? "unknown processor"), \(processors) processors online, \(Date.now.formatted(.iso8601))"
    }

    /// The table of one group.
    static func table(_ title: String, _ rows: [Row]) -> String {
        var lines = ["", "## \(title)", "", "| question | figure | beside | ratio |", "|---|---|---|---|"]
        lines += rows.map { "| \($0.question) | \($0.figure) | \($0.yardstick) | \($0.ratio) |" }
        return lines.joined(separator: "\n")
    }
}

extension Double {
    /// As milliseconds, from seconds.
    var milliseconds: String { String(format: "%.1f ms", self * 1e3) }

    /// As a multiple.
    var times: String { String(format: "%.2f×", self) }

    /// With three significant digits.
    func formatted(unit: String) -> String { String(format: "%.3g %@", self, unit) }
}
