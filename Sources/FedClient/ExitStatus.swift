import Adapters
import ClientDaemon
import FederatedLearning
import Training
import Transport

/// The numbers with which the program ends; scripts rely on them.
enum ExitStatus: Int32 {
    case done = 0
    /// Something failed while running.
    case failed = 1
    /// Wrong usage, configuration or input: nothing will change until somebody corrects it.
    case usage = 2
    /// Refused: revoked, expired, incompatible, or not who it should be.
    case refused = 3
    case unreachable = 4

    /// Finds the status for an error that ended the program.
    init(of error: any Error) {
        self =
            switch error {
            case let error as ClientError: Self.status(of: error)
            case let error as TransportError: Self.status(of: error.kind)
            case let error as EnrolmentError: error == .noAnswer ? .unreachable : .refused
            case JoinStringError.expired: .refused
            case is JoinStringError, is CredentialError: .usage
            case is Refusal: .refused
            case TrainingError.divergedLoss: .failed
            case is TrainingError, is AdapterError: .usage
            case TrainerError.notFound, TrainerError.cannotStart: .usage
            default: .failed
            }
    }

    private static func status(of error: ClientError) -> ExitStatus {
        switch error {
        case .cannotWrite: .failed
        case .modelDiffers, .dataNotAllowed: .refused
        default: .usage
        }
    }

    private static func status(of kind: TransportError.Kind) -> ExitStatus {
        switch kind {
        case .configuration: .usage
        case .identity: .refused
        case .dns, .refused, .unreachable, .tls, .lost: .unreachable
        }
    }
}
