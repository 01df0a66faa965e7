import FederatedLearning
import Foundation
import Synchronization
import Terminal

extension String {
    /// The parts between commas, without blanks around them.
    var commaSeparated: [String] {
        split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}

extension EvaluationReport {
    /// The figures on one line.
    var text: String {
        let figures = ["loss", "perplexity", "accuracy", "macro_f1"].compactMap { name in
            metrics[name].map { "\(name) \(String(format: "%.4f", $0))" }
        }
        return exampleCount == 0
            ? "no held-out rows"
            : "\(figures.joined(separator: ", ")) on \(exampleCount) held-out \(metrics["perplexity"] == nil ? "rows" : "tokens")"
    }
}

/// One line on stderr that says how far a training has come.
final class ProgressLine: Sendable {
    private let isTerminal = StandardError.isTerminal
    private let shown = Mutex<Int?>(nil)

    /// Shows a step: every one on a terminal, every tenth part of the way elsewhere.
    func show(_ progress: TrainingProgress) {
        let tenth = progress.step * 10 / max(progress.stepCount, 1)
        let isNew = shown.withLock { shown in
            defer { shown = tenth }
            return shown != tenth
        }
        guard isTerminal || isNew else { return }
        let text = "step \(progress.step) of \(progress.stepCount), loss \(String(format: "%.4f", progress.loss))"
        StandardError.writeRaw(isTerminal ? "\r\(text)   " : "\(text)\n")
    }

    func end() {
        if isTerminal { StandardError.writeRaw("\n") }
    }
}
