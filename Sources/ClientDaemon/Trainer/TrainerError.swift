private import FederatedLearning

/// What goes wrong with a trainer that is a program of its own.
///
/// Descriptions are for the data steward: they may hold what the program said. ``Disclosure`` says what the server may hear.
package enum TrainerError: Error, Hashable, Sendable {
    // The program
    case notFound(program: String)
    case cannotStart(program: String, reason: String)
    /// It ended by itself, while starting or while a request was under way.
    case ended(how: String, lastWords: String?)
    /// It said nothing for so long.
    case silent(Duration, key: String)
    case tooSlow(Duration)
    case tooMuchMemory(bytes: Int, limit: Int)
    case tooMuchDisk(bytes: Int, limit: Int)
    /// It said something that the contract does not have.
    case brokeContract(problem: String)
    case wrongVersion(Int)
    // The work
    /// It says itself that it could not do it.
    case failed(reason: String, mayRetry: Bool)
    case unusableResult(problem: String)
    case lacksFeatures([TrainerFeature])
    /// What no program behind the contract can do; `reason` is a sentence.
    case unsuitableOrder(reason: String)
    /// The daemon is about to end.
    case closed

    /// Whether another attempt, with a new process where the old one has died, may go better.
    package var mayRetry: Bool {
        switch self {
        case .ended, .silent, .brokeContract: true
        case .failed(_, let mayRetry): mayRetry
        case .notFound, .cannotStart, .tooSlow, .tooMuchMemory, .tooMuchDisk, .wrongVersion, .unusableResult,
            .lacksFeatures, .unsuitableOrder, .closed:
            false
        }
    }
}

extension TrainerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let program):
            """
            There is no program '\(program)' for the trainer. Give its whole path in `trainer.command` of client.yaml, or \
            with --trainer.
            """
        case .cannotStart(let program, let reason):
            "The trainer '\(program)' cannot be started: \(reason). Check the path and its permissions."
        case .ended(let how, let lastWords):
            "The trainer \(how).\(lastWords.map { " Its last line was: \($0)." } ?? "") Its lines in this log say more."
        case .silent(let duration, let key):
            """
            The trainer said nothing for \(DurationText.format(duration)) and was ended. Send `progress` more often, or \
            raise `trainer.\(key)`.
            """
        case .tooSlow(let duration):
            """
            The trainer did not finish within \(DurationText.format(duration)) and was ended. Raise `trainer.time`, or take \
            part in jobs with fewer steps.
            """
        case .tooMuchMemory(let bytes, let limit):
            """
            The trainer used \(ByteCountText.format(bytes)) of memory, more than the \(ByteCountText.format(limit)) of \
            `trainer.memory`, and was ended.
            """
        case .tooMuchDisk(let bytes, let limit):
            """
            The trainer put \(ByteCountText.format(bytes)) into its folder, more than the \(ByteCountText.format(limit)) of \
            `trainer.disk`, and was ended.
            """
        case .brokeContract(let problem):
            """
            The trainer broke its contract and was ended: \(problem) Its standard output is for messages alone; \
            protocol/TRAINER.md has them.
            """
        case .wrongVersion(let version):
            "The trainer speaks version \(version) of the contract, and this client version 1. Use a matching pair."
        case .failed(let reason, _):
            "The trainer could not do this work: \(reason)"
        case .unusableResult(let problem):
            "What the trainer left cannot be used: \(problem)"
        case .lacksFeatures(let features):
            """
            The job needs \(features.map { "`\($0.rawValue)`" }.joined(separator: ", ")), which this silo's trainer does not \
            offer. Use the native trainer, or another strategy.
            """
        case .unsuitableOrder(let reason):
            "A trainer that is a program of its own cannot do this: \(reason) Run this client with the native trainer."
        case .closed:
            "The client ends, and its trainer with it."
        }
    }
}
