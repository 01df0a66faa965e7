import Testing

@testable import Adapters

struct PEFTTensorNameTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let name: PEFTTensorName
        /// The name as it is written; `text` unless given.
        var written: String?
        var testDescription: String { text }
    }

    @Test(
        "takes names apart and writes them without the adapter's name",
        arguments: [
            Case(text: "base_model.model.bert.q.lora_A.weight", name: .lowRankA(module: "bert.q")),
            Case(text: "base_model.model.bert.q.lora_B.weight", name: .lowRankB(module: "bert.q")),
            Case(
                text: "base_model.model.bert.q.lora_B.default.weight",
                name: .lowRankB(module: "bert.q"),
                written: "base_model.model.bert.q.lora_B.weight"
            ),
            Case(text: "base_model.model.emb.lora_embedding_A", name: .embeddingA(module: "emb")),
            Case(
                text: "base_model.model.emb.lora_embedding_B.default",
                name: .embeddingB(module: "emb"),
                written: "base_model.model.emb.lora_embedding_B"
            ),
            Case(text: "base_model.model.classifier.weight", name: .saved(parameter: "classifier.weight")),
            Case(
                text: "base_model.model.classifier.modules_to_save.default.bias",
                name: .saved(parameter: "classifier.bias"),
                written: "base_model.model.classifier.bias"
            ),
            Case(
                text: "base_model.model.q.lora_magnitude_vector",
                name: .saved(parameter: "q.lora_magnitude_vector")
            ),
            Case(
                text: "base_model.model.q.lora_magnitude_vector.default.weight",
                name: .saved(parameter: "q.lora_magnitude_vector"),
                written: "base_model.model.q.lora_magnitude_vector"
            ),
            Case(text: "base_model.model.q.lora_B.bias", name: .saved(parameter: "q.lora_B.bias")),
            // A module may be called `default`; only after a factor is it an adapter's name.
            Case(text: "base_model.model.default.weight", name: .saved(parameter: "default.weight")),
        ]
    )
    func names(_ test: Case) throws {
        let name = try #require(PEFTTensorName(test.text))
        #expect(name == test.name)
        #expect(name.text == test.written ?? test.text)
    }

    @Test(
        "takes any tensor of another kind of adapter whole, and writes its name as it was",
        arguments: [
            ("base_model.model.bert.q.vera_lambda_b", "bert.q.vera_lambda_b"),
            ("base_model.model.bert.q.lora_A.weight", "bert.q.lora_A.weight"),
            ("base_model.vera_A", ".base_model.vera_A"), ("prompt_embeddings", ".prompt_embeddings"),
        ]
    )
    func whole(_ text: String, _ parameter: String) throws {
        let name = try #require(PEFTTensorName.whole(text))
        #expect(name == .saved(parameter: parameter))
        #expect(name.text == text)
    }

    @Test(
        "names that a payload has other uses for, or that would be taken for others, are no tensor's",
        arguments: ["", ".prompt_embeddings", "control.q", "residual.q.lora_A.weight", "base_model.model..vera_A"]
    )
    func taken(_ text: String) {
        #expect(PEFTTensorName.whole(text) == nil)
        #expect(PEFTTensorName(text) == nil || !text.hasPrefix("base_model"))
    }

    @Test(
        "refuses names that do not start as PEFT's do",
        arguments: ["lora_A.weight", "model.q.lora_A.weight", "", "base_model.model."]
    )
    func foreign(_ text: String) {
        #expect(PEFTTensorName(text) == nil)
    }
}
