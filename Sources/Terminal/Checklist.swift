/// What was looked at, and of each thing whether it is well or what to do: the output of a `doctor`.
package enum Checklist {
    /// Prints a line for each thing, those to mend in red.
    ///
    /// - Parameter findings: What was looked at, whether it is well, and what was found.
    package static func write(_ findings: [(subject: String, isWell: Bool, text: String)]) {
        let width = findings.map(\.subject.count).max() ?? 0
        for (subject, isWell, text) in findings {
            let mark = isWell ? StandardOutput.styled("ok ", .green) : StandardOutput.styled("FIX", .red)
            let padding = String(repeating: " ", count: width - subject.count)
            print("\(mark)  \(subject)\(padding)  \(text)")
        }
    }
}
