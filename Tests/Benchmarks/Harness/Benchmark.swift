/// A group of questions about speed or accuracy, and how they are answered.
///
/// To add one, conform a type in a file of its own and name it in `main.swift`. Each row carries a yardstick that was
/// measured in the same run: a limit of the machine, or a rival way to do the same work.
protocol Benchmark {
    /// What the group is about; `TributaryBenchmarks NAME…` runs the groups whose name contains one of the words.
    static var name: String { get }

    /// Whether it takes more than a minute; it then runs only when it is named.
    static var isLong: Bool { get }

    /// Measures, and returns the rows of the report.
    static func run() async throws -> [Row]
}

extension Benchmark {
    static var isLong: Bool { false }
}

/// One line of the report.
struct Row {
    /// What a user would ask.
    let question: String
    /// The answer, with its unit.
    let figure: String
    /// What it is compared with, measured in the same run, or a bar that was set.
    let yardstick: String
    /// Figure by yardstick, whichever way is easier to read.
    let ratio: String

    /// Creates a row.
    init(_ question: String, figure: String, yardstick: String = "", ratio: String = "") {
        self.question = question
        self.figure = figure
        self.yardstick = yardstick
        self.ratio = ratio
    }
}
