/// How much of a job has been told: turns reports, however often they are read, into events that come once.
struct JobProgress {
    private var latestRound = -1
    private var phase: JobSummary.Phase?

    /// Whether the final phase has been told; nothing follows it.
    var isOver: Bool { phase?.isFinal == true }

    /// Returns what is new in `report`, and takes note of it.
    mutating func events(in report: JobReport) -> [JobEvent] {
        var events: [JobEvent] = []
        for round in report.completeRounds where round.number > latestRound {
            events.append(.round(round))
            latestRound = round.number
        }
        if report.summary.phase != phase {
            phase = report.summary.phase
            events.append(.phase(report))
        }
        return events
    }
}
