import DifferentialPrivacy
import Foundation

/// What dp-accounting answers; see `Fixtures/README.md`.
struct AccountingFixture: Decodable {
    struct Point: Decodable {
        let rate: Double
        let noise: Double
        let count: Int
        let delta: Double
        let rdp: Double
        let pld: Double

        private enum CodingKeys: String, CodingKey {
            case rate = "q"
            case noise = "sigma"
            case count = "T"
            case delta, rdp, pld
        }

        var steps: NoisedSteps { NoisedSteps(noiseMultiplier: noise, sampling: .poisson(rate: rate), count: count) }

        /// The answers of an accountant, relative to dp-accounting's.
        func ratio(_ accountant: (some PrivacyAccountant).Type, to reference: Double) throws -> Double {
            try accountant.epsilon(of: steps, delta: delta) / reference
        }
    }

    let points: [Point]

    static func load() throws -> AccountingFixture {
        guard let folder = Bundle.module.resourceURL else { throw CocoaError(.fileNoSuchFile) }
        let file = folder.appendingPathComponent("Fixtures/accounting.json")
        return try JSONDecoder().decode(AccountingFixture.self, from: Data(contentsOf: file))
    }
}
