import AdapterTools
import Adapters
import Aggregation
import ArgumentParser
import Coordinator
import DifferentialPrivacy
import FederatedLearning
import Foundation
import Terminal
import Transport

/// What the program's exit codes mean.
enum ExitStatus: Int32 {
    case done = 0
    /// Something failed while running.
    case failed = 1
    /// Wrong usage or configuration.
    case usage = 2
    /// Refused by policy.
    case refused = 3
    /// The other side cannot be reached.
    case unreachable = 4

    /// The status that an error ends the program with.
    init(_ error: any Error) {
        switch error {
        case let error as CoordinatorError: self = error.status
        case CredentialError.notWritable: self = .failed
        case is JobFileError, is AdapterError, is AggregationError, is FederatedLearningError, is PrivacyError,
            is PlanRequestError, is AdapterToolsError, is CredentialError:
            self = .usage
        default: self = .failed
        }
    }

    /// Says on standard error what went wrong and what to do, and ends the program.
    static func end(with error: any Error) -> Never {
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        // What the argument parser throws: help and versions are no failures, everything else is wrong usage.
        if ServerCommand.exitCode(for: error) == .success { ServerCommand.exit(withError: error) }
        if ServerCommand.exitCode(for: error) == .validationFailure {
            StandardError.write(ServerCommand.fullMessage(for: error))
            Foundation.exit(ExitStatus.usage.rawValue)
        }
        StandardError.write("fed-server: \(error)")
        Foundation.exit(ExitStatus(error).rawValue)
    }
}

extension CoordinatorError {
    fileprivate var status: ExitStatus {
        switch self {
        case .folderNotEmpty, .notAStateDirectory, .invalidSettings, .invalidAddress, .adminNotOnLoopback, .unknownJob,
            .nothingToExport, .invalidClientName, .unknownClient, .networkStorage, .notABackup:
            .usage
        case .tokenReused, .jobIsOver, .rotationUnderWay, .logNotLent:
            .refused
        case .serverNotRunning, .serverUnreachable, .serverStopped, .clientAway, .serverRefused(503, _):
            .unreachable
        case .serverRefused(400, _), .serverRefused(404, _):
            .usage
        case .serverRefused(403, _), .serverRefused(409, _):
            .refused
        case .alreadyRunning, .fileFailed, .databaseTooNew, .databaseUnusable, .databaseDamaged, .commitsLost,
            .commitMarkDamaged, .payloadsDamaged, .corruptRecord, .backupDamaged, .auditBroken, .serverRefused,
            .tooManyReaders:
            .failed
        }
    }
}
