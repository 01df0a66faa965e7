import Adapters
import Aggregation

/// What asynchronous rounds carry from one message to the next, beside the stored state.
struct AsynchronousWork {
    let settings: JobConfiguration.Asynchronous
    var machine: AsynchronousStateMachine
    /// At which rank each client takes part; the same in every version.
    var ranks: RankOffer
    /// The current version.
    var global: LoRAAdapter
    /// The current version at the ranks that it was handed out at.
    var handouts: [Int: AdapterReference] = [:]
    /// How many bytes clients had to fetch since the latest step.
    var downloads: [ClientID: Int] = [:]
    /// When the latest step was taken, or the work began or went on.
    var begun: Duration
    /// The evaluation that goes on while clients train.
    var evaluation: OpenEvaluation?
    var isOver = false

    /// When time alone has something to say.
    var nextAlarm: Duration { min(machine.nextAlarm, evaluation?.machine.nextAlarm ?? machine.nextAlarm) }
}
