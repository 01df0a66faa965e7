package import Aggregation
import DifferentialPrivacy
private import Synchronization

/// The books of many silos in memory, without limits of their own: for simulations and tests.
package final class SiloLedgers: Sendable {
    private let ledgers: Mutex<[ClientID: PrivacyLedger]>

    package init(_ ledgers: [ClientID: PrivacyLedger] = [:]) {
        self.ledgers = Mutex(ledgers)
    }

    /// The ledger of every silo that was charged.
    package var all: [ClientID: PrivacyLedger] { ledgers.withLock { $0 } }

    /// The book of one silo, which takes part in one job.
    package func book(of client: ClientID) -> some PrivacyBook { View(ledgers: self, client: client) }

    private struct View: PrivacyBook {
        let ledgers: SiloLedgers
        let client: ClientID

        func check(_ order: WorkOrder) {}

        func charge(_ steps: NoisedSteps, for order: WorkOrder) throws -> SiloStanding {
            guard let settings = order.assignment.privacy else {
                throw OrderRefusal.privacy(reason: "its job protects nothing, and nothing can be charged.")
            }
            let ledger = ledgers.ledgers.withLock { ledgers in
                ledgers[client, default: PrivacyLedger()].add(steps)
                return ledgers[client, default: PrivacyLedger()]
            }
            return try SiloStanding(of: ledger, latest: steps, settings: settings)
        }
    }
}
