import Foundation
import Simulation
import Synchronization
import Terminal

/// Shows how far a run has come: a bar on a terminal, a line a round elsewhere.
final class ProgressMeter: Sendable {
    private struct State {
        var latestRound = -1
        var latestDraw: ContinuousClock.Instant?
        /// How much was done when this process began, which says nothing about its speed.
        var start: (round: Int, visits: Int, seconds: Double)?
    }

    private static let width = 24

    private let name: String
    private let isTerminal = StandardError.isTerminal
    private let state = Mutex(State())

    init(name: String) {
        self.name = name
    }

    func show(_ progress: RunProgress) {
        state.withLock { state in
            let start = state.start ?? (progress.round, progress.visits, progress.seconds)
            state.start = start
            let isNewRound = progress.round != state.latestRound
            state.latestRound = progress.round
            let text = Self.text(of: progress, since: start)
            guard isTerminal else {
                if isNewRound { StandardError.write("\(name): \(text)") }
                return
            }
            let now = ContinuousClock.now
            guard isNewRound || state.latestDraw.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
            state.latestDraw = now
            let part = Double(progress.round) / Double(max(progress.rounds, 1))
            let filled = Int(part * Double(Self.width))
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
            StandardError.writeRaw("\r\u{1B}[K\(name) \(bar) \(text)")
        }
    }

    /// Leaves the line.
    func end() {
        if isTerminal { StandardError.writeRaw("\r\u{1B}[K") }
    }

    private static func text(
        of progress: RunProgress,
        since start: (round: Int, visits: Int, seconds: Double)
    ) -> String {
        var parts = ["round \(progress.round)/\(progress.rounds)"]
        if let last = progress.last {
            if let loss = last.loss { parts.append("loss " + String(format: "%.4f", loss)) }
            if let accuracy = last.accuracy { parts.append("accuracy " + String(format: "%.1f %%", 100 * accuracy)) }
        }
        if progress.simulatedSeconds > 0 { parts.append("at \(duration(progress.simulatedSeconds)) simulated") }
        let seconds = progress.seconds - start.seconds
        let visits = progress.visits - start.visits
        if visits > 0, seconds > 0 {
            parts.append(String(format: "%.1f clients/s", Double(visits) / seconds))
        }
        let rounds = progress.round - start.round
        if rounds > 0, progress.round < progress.rounds {
            parts.append("\(duration(seconds / Double(rounds) * Double(progress.rounds - progress.round))) left")
        }
        return parts.joined(separator: ", ")
    }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole / 60 % 60) min"
    }
}
