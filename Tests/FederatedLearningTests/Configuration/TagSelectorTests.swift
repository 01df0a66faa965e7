import FederatedLearning
import Foundation
import Testing

@Suite("Rules about tags")
struct TagSelectorTests {
    private static let silo = ["site": "berlin", "gpu": "", "stage": "trial"]

    @Test(
        "admit the clients that keep all of them",
        arguments: [
            ([], true), (["gpu"], true), (["tpu"], false), (["!tpu"], true), (["!gpu"], false),
            (["site=berlin"], true), (["site=paris"], false), (["site=paris|berlin"], true), (["site!=paris"], true),
            (["site!=paris|berlin"], false), (["owner=x"], false), (["owner!=x"], true),
            (["gpu", "site=berlin"], true),
            (["gpu", "site=oslo"], false),
        ]
    )
    func admits(_ rules: [String], _ expected: Bool) throws {
        let selector = try #require(TagSelector(rules))
        #expect(selector.admits(Self.silo) == expected)
        #expect(selector.texts == rules)
        let stored = try JSONEncoder().encode(selector)
        #expect(try JSONDecoder().decode(TagSelector.self, from: stored) == selector)
    }

    @Test(
        "are refused when they are none",
        arguments: ["", "!", "=", "site=", "=x", "site=a||b", "a b", "a|b", "!!a", "a=b|"]
    )
    func refuses(_ rule: String) {
        #expect(TagSelector([rule]) == nil)
    }

    @Test("stand in a job file, and a wrong one is named")
    func jobFile() throws {
        func job(_ tags: String) throws -> JobConfiguration {
            try JobFile.parse(
                """
                name: sentiment
                model: minilm
                task: sequence-classification
                labels: [negative, positive]
                adapter: {r: 4, lora_alpha: 8, target_modules: [query]}
                strategy: {name: fedavg}
                rounds: 2
                cohort: {size: 2, tags: \(tags)}
                """
            )
        }
        #expect(try job("[site=berlin|paris, '!trial']").cohort.tags.texts == ["site=berlin|paris", "!trial"])
        let error = #expect(throws: JobFileError.self) { try job("[gpu, 'site=']") }
        #expect(error?.description.contains("cohort.tags") == true && error?.description.contains("site=") == true)
    }
}
