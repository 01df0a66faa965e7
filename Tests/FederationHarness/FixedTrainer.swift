package import ClientDaemon
package import FederatedLearning

/// Gives one trainer for every order.
package struct FixedTrainer: TrainerProvider {
    private let trainer: any LocalTrainer

    package init(trainer: any LocalTrainer) {
        self.trainer = trainer
    }

    package func trainer(for order: WorkOrder) async throws -> ResidentModel {
        ResidentModel(digest: order.assignment.modelDigest, trainer: trainer)
    }
}
