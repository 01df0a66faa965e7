private import FederatedLearning
private import Training
private import Transport

/// What the server may hear of an error on the silo: sentences without names of files, hosts or people.
///
/// Everything that is not known to be harmless is withheld; the silo's own log has the full text.
package enum Disclosure {
    /// What is said when nothing may be.
    package static let withheld = "The silo could not do this work; its own log says why."

    /// Returns the sentence about `error` that may leave the silo.
    package static func reason(for error: any Error) -> String {
        switch error {
        case let error as OrderRefusal: error.description
        case let error as ClientError: reason(for: error)
        case FederatedLearningError.unusableOutcome: "\(error)"
        case let error as TrainingError: reason(for: error)
        case let error as TrainerError: reason(for: error)
        case PayloadError.file, is FileError: "The silo cannot store what this work needs."
        case is PayloadError: "The payload did not fit the order."
        default: withheld
        }
    }

    private static func reason(for error: ClientError) -> String {
        switch error {
        // Which of the two is not told: a server could find out which files exist here.
        case .modelNotFound, .modelDiffers: "The silo does not have the base model with the job's SHA-256."
        case .noData: "The silo lends no data."
        case .cannotWrite: "The silo cannot store what this work needs."
        default: withheld
        }
    }

    private static func reason(for error: TrainingError) -> String {
        switch error {
        case .divergedLoss, .unsupportedTask, .invalidSetting, .unsuitableAdapter: error.description
        case .unknownLabel: "The silo's data has a label that the job does not know."
        case .noTrainingRows, .noRows: "The silo has no rows to train on."
        default: withheld
        }
    }

    /// What a trainer says of itself stays here: its sentences may hold anything.
    private static func reason(for error: TrainerError) -> String {
        switch error {
        case .lacksFeatures, .unsuitableOrder: error.description
        default: "The silo's trainer failed; the silo's own log says why."
        }
    }
}
