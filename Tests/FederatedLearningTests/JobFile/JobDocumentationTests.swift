import Foundation
import Testing

@testable import FederatedLearning

struct JobDocumentationTests {
    @Test("every key of a job file stands in the article, and no other one")
    func keys() throws {
        let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../Sources/FederatedLearning/FederatedLearning.docc/Jobs.md")
        let text = try String(contentsOf: article, encoding: .utf8)
        let documented = Set(text.matches(of: #/(?m)^\| `([a-z0-9_.]+)` \|/#).map { String($0.output.1) })
        let sections = Set(JobFile.paths.compactMap { $0.split(separator: ".").dropLast().first.map(String.init) })
        let keys = Set(JobFile.paths)
        #expect(keys.subtracting(sections).subtracting(documented).isEmpty)
        #expect(documented.subtracting(keys).isEmpty)
    }
}
