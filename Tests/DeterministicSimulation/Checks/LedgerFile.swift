import DifferentialPrivacy
import FederatedLearning
import Foundation

/// Reads how much is on a silo's ledger.
enum LedgerFile {
    private struct Content: Decodable {
        let ledger: PrivacyLedger
    }

    /// How many releases were charged; none when there is no file.
    static func chargeCount(at file: URL) throws -> Int {
        guard let bytes = try? Data(contentsOf: file) else { return 0 }
        return try JSONDecoder().decode(Content.self, from: bytes).ledger.steps.reduce(0) { $0 + $1.count }
    }
}
