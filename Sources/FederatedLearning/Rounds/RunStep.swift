/// What a run does next, as its stored state says.
package enum RunStep: Hashable, Sendable {
    /// Make the initial adapter and store it.
    case begin
    /// Evaluate the adapter that this round left; 0 is the initial adapter.
    case evaluate(round: Int)
    /// Choose the cohort of this round.
    case open(round: Int)
    /// Collect what the open round still lacks, aggregate and commit.
    case collect(RunState.OpenRound)
    /// Hand out work, collect updates and take steps until the last version is there.
    case collectAsynchronously(JobConfiguration.Asynchronous)
    case finish
}

extension RunState {
    /// The step that follows, or `nil` when the run is over.
    ///
    /// The whole order of a run is in this function, and it reads nothing but the stored state: a run that resumes after
    /// a crash cannot go another way than one that was never disturbed.
    package func nextStep(of job: JobConfiguration) -> RunStep? {
        if phase.isFinal { return nil }
        if phase == .pending { return .begin }
        if let openRound { return .collect(openRound) }
        // Evaluations in between are made while clients train on, as a part of that step.
        if let asynchronous = job.asynchronous, evaluatedRound != nil, committedRounds < job.rounds {
            return .collectAsynchronously(asynchronous)
        }
        if job.evaluates(after: committedRounds), evaluatedRound.map({ $0 < committedRounds }) ?? true {
            return .evaluate(round: committedRounds)
        }
        return committedRounds < job.rounds ? .open(round: committedRounds + 1) : .finish
    }
}

extension JobConfiguration {
    /// Whether the adapter that `round` left is evaluated: the initial one, the last one, and every so many.
    package func evaluates(after round: Int) -> Bool {
        round == 0 || round == rounds || round.isMultiple(of: evaluation.every)
    }

    /// Whether the evaluation after `round` judges every held-out example: the first and the last do.
    package func evaluatesEverything(after round: Int) -> Bool {
        round == 0 || round == rounds || evaluation.sample == nil
    }
}
