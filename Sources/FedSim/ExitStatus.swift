import Adapters
import Aggregation
import ArgumentParser
import FederatedLearning
import Foundation
import Simulation
import Terminal
import Training

/// What the program's exit codes mean.
enum ExitStatus: Int32 {
    case done = 0
    /// Something failed while running.
    case failed = 1
    /// Wrong usage, configuration or input.
    case usage = 2

    /// The status that an error ends the program with.
    init(_ error: any Error) {
        switch error {
        case SimulationError.runFailed, SimulationError.cannotWrite, SimulationError.interrupted: self = .failed
        case TrainingError.divergedLoss: self = .failed
        case is SimulationError, is JobFileError, is AdapterError, is AggregationError, is TrainingError,
            is FederatedLearningError:
            self = .usage
        default: self = .failed
        }
    }

    /// Says on standard error what went wrong and what to do, and ends the program.
    static func end(with error: any Error) -> Never {
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        // What the argument parser throws: help and versions are no failures, everything else is wrong usage.
        if SimulatorCommand.exitCode(for: error) == .success { SimulatorCommand.exit(withError: error) }
        if SimulatorCommand.exitCode(for: error) == .validationFailure {
            StandardError.write(SimulatorCommand.fullMessage(for: error))
            Foundation.exit(ExitStatus.usage.rawValue)
        }
        StandardError.write("fed-sim: \(error)")
        Foundation.exit(ExitStatus(error).rawValue)
    }
}
