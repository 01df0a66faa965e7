import Foundation
import Testing

@testable import FederatedLearning

struct JobDocumentationTests {
    /// Keys that an article leaves out, because only the value `none` of their section is taken.
    private static let unoffered: Set<String> = [
        "privacy.clipping_norm", "privacy.noise_multiplier", "privacy.delta", "privacy.epsilon_budget",
    ]

    @Test("every key of a job file stands in the article, and no other one")
    func keys() throws {
        let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../Sources/FederatedLearning/FederatedLearning.docc/Jobs.md")
        let text = try String(contentsOf: article, encoding: .utf8)
        let documented = Set(text.matches(of: #/(?m)^\| `([a-z0-9_.]+)` \|/#).map { String($0.output.1) })
        let sections = Set(JobFile.paths.compactMap { $0.split(separator: ".").dropLast().first.map(String.init) })
        let keys = Set(JobFile.paths).subtracting(Self.unoffered)
        #expect(keys.subtracting(sections).subtracting(documented).isEmpty)
        #expect(documented.subtracting(keys).isEmpty)
    }
}
