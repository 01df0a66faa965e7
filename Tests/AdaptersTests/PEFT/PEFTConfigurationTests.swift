import Foundation
import LinearAlgebra
import TestSupport
import Testing

@testable import Adapters

struct PEFTConfigurationTests {
    static let variants = [
        "plain", "patterns", "rslora", "head", "bf16-head", "expression", "dora", "factor-bias", "embedding",
    ]

    @Test("writes what it read, byte for byte", .tags(.goldenBytes), arguments: variants)
    func roundTrip(_ variant: String) throws {
        let bytes = try Fixture.bytes("peft/\(variant)/adapter_config.json")
        #expect(Array(try configuration(bytes).text.utf8) == bytes)
    }

    @Test("writes what PEFT writes for a new adapter", .tags(.goldenBytes))
    func new() throws {
        let new = PEFTConfiguration(
            rank: 2,
            alpha: 4,
            targetModules: .names(["query"]),
            // PEFT adds the names that heads go by to those that were asked for.
            modulesToSave: ["classifier", "classifier", "score"],
            taskType: "SEQ_CLS"
        )
        #expect(Array(new.text.utf8) == (try Fixture.bytes("peft/bf16-head/adapter_config.json")))
    }

    @Test("reads the keys that matter")
    func keys() throws {
        let patterns = try configuration(Fixture.bytes("peft/patterns/adapter_config.json"))
        #expect(patterns.rank == 4)
        #expect(patterns.alpha == 8)
        #expect(patterns.targetModules == .names(["dense", "query", "value"]))
        #expect(patterns.rankExceptions.map(\.value) == [1, 2, 3])
        #expect(patterns.alphaExceptions.map(\.pattern).last == "value")
        #expect(!patterns.usesRankStabilizedScaling)
        let head = try configuration(Fixture.bytes("peft/head/adapter_config.json"))
        #expect(head.modulesToSave == ["classifier", "classifier", "score"])
        #expect(head.taskType == "SEQ_CLS")
        #expect(head.baseModel == nil)
        #expect(try configuration(Fixture.bytes("peft/rslora/adapter_config.json")).usesRankStabilizedScaling)
        #expect(try configuration(Fixture.bytes("peft/dora/adapter_config.json")).usesMagnitudes)
        #expect(try configuration(Fixture.bytes("peft/factor-bias/adapter_config.json")).usesFactorBias)
    }

    @Test("takes PEFT's defaults for missing keys, and keeps unknown ones as they were written")
    func unknownKeys() throws {
        let text = #"{"peft_type": "LORA", "lora_alpha": 16.0, "from_the_future": [1.50, {"x": null}]}"#
        var read = try configuration(Array(text.utf8))
        #expect(read.rank == 8)
        #expect(read.alpha == 16)
        #expect(read.text.contains(#""lora_alpha": 16.0,"#))
        #expect(read.text.contains("1.50"))
        read.alpha = 12
        read.baseModel = "sentence-transformers/all-MiniLM-L6-v2"
        #expect(read.text.contains(#""lora_alpha": 12,"#))
        #expect(read.text.contains(#""base_model_name_or_path": "sentence-transformers/all-MiniLM-L6-v2","#))
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: String
        let message: String
        var testDescription: String { text }
    }

    @Test(
        "names the key that is wrong",
        arguments: [
            Refusal(text: "[]", message: "is not JSON"),
            Refusal(text: "{", message: "ends too early"),
            Refusal(text: #"{"r": 4}"#, message: "no key 'peft_type'"),
            Refusal(text: #"{"peft_type": "LOHA"}"#, message: "the method 'LOHA'"),
            // LoRA-XS is told by its tensors; PEFT has no such name.
            Refusal(text: #"{"peft_type": "LORA-XS"}"#, message: "the method 'LORA-XS'"),
            Refusal(text: #"{"peft_type": "LORA", "r": 0}"#, message: "'r' in 'c' has to be at least 1"),
            Refusal(text: #"{"peft_type": "LORA", "r": "8"}"#, message: "'r' in 'c' has to be a whole number"),
            Refusal(text: #"{"peft_type": "LORA", "r": 8.0}"#, message: "'r' in 'c' has to be a whole number"),
            Refusal(text: #"{"peft_type": "LORA", "r": 99999999999999999999}"#, message: "'r' in 'c'"),
            Refusal(
                text: #"{"peft_type": "LORA", "lora_alpha": 1e999}"#,
                message: "'lora_alpha' in 'c' has to be a number"
            ),
            Refusal(text: #"{"peft_type": "LORA", "use_rslora": 1}"#, message: "'use_rslora'"),
            Refusal(text: #"{"peft_type": "LORA", "target_modules": [1]}"#, message: "'target_modules'"),
            Refusal(text: #"{"peft_type": "LORA", "rank_pattern": {"q": 0}}"#, message: "'rank_pattern.q'"),
            Refusal(text: #"{"peft_type": "LORA", "alpha_pattern": []}"#, message: "'alpha_pattern'"),
            Refusal(text: #"{"peft_type": "LORA", "peft_type": "LORA"}"#, message: "appears twice"),
        ]
    )
    func refusals(_ refusal: Refusal) {
        let error = #expect(throws: AdapterError.self) { try configuration(Array(refusal.text.utf8)) }
        #expect(error?.description.contains(refusal.message) == true, "\(error?.description ?? "")")
    }

    // MARK: - Other kinds than LoRA

    @Test("of another kind what all kinds have is read, and all of it is written back")
    func otherKind() throws {
        let text =
            #"{"peft_type": "VERA", "r": "all", "modules_to_save": ["score"], "base_model_name_or_path": "/srv/m"}"#
        var read = try configuration(Array(text.utf8))
        #expect(read.kind == .vera && read.modulesToSave == ["score"] && read.baseModel == "/srv/m")
        #expect(read.rank == 1 && read.alpha == 1 && read.targetModules == nil)
        read.baseModel = nil
        #expect(!read.text.contains("/srv/m"))
        #expect(read.text.contains(#""r": "all""#))
    }

    @Test("two of another kind go together unless a key with a meaning differs")
    func differences() throws {
        func parsed(_ members: String) throws -> PEFTConfiguration {
            try configuration(Array(#"{"peft_type": "VERA", \#(members)}"#.utf8))
        }
        let first = try parsed(#""target_modules": ["query", "value"], "vera_dropout": 0.0, "revision": null"#)
        let same = try parsed(
            #""target_modules": ["value", "query"], "vera_dropout": 0.5, "base_model_name_or_path": "b""#
        )
        #expect(first.differingKey(from: same) == nil)
        let other = try parsed(#""target_modules": ["value"], "r": 8"#)
        #expect(first.differingKey(from: other) == "r")
        #expect(try first.differingKey(from: configuration(Array(#"{"peft_type": "IA3"}"#.utf8))) == "peft_type")
    }

    // MARK: - Describing an adapter

    @Test("stays as it is when it already says what the layers are")
    func describesAlready() throws {
        var read = try configuration(Fixture.bytes("peft/patterns/adapter_config.json"))
        let text = read.text
        let directory = try PEFTDirectory(reading: Fixture.url("peft/patterns"))
        try read.describe(directory.adapter, path: "d")
        #expect(read.text == text)
    }

    @Test("makes the most frequent rank the rule and names the others")
    func describesMixedRanks() throws {
        var new = PEFTConfiguration(rank: 8, alpha: 8, targetModules: .names(["q"]))
        let adapter = adapter([
            "layer.0.q": (2, 4), "layer.1.q": (2, 4), "layer.2.q": (4, 4),
            // The end of another path, with another rank: its pattern has to be anchored.
            "q": (1, 9), "x.layer.2.q": (2, 4),
        ])
        try new.describe(adapter, path: "d")
        #expect(new.rank == 2)
        #expect(new.alpha == 4)
        let resolver = try PEFTConfiguration.Resolver(configuration(Array(new.text.utf8)))
        for (path, module) in adapter.modules {
            #expect(resolver.rank(of: path) == module.rank, "\(path)")
            #expect(resolver.alpha(of: path) == module.alpha, "\(path)")
        }
        #expect(Set(new.rankExceptions.map(\.pattern)) == [#"^layer\.2\.q"#, "^q"])
    }

    @Test("puts whole paths where that is enough")
    func describesPlainly() throws {
        var new = PEFTConfiguration(rank: 8, alpha: 8, targetModules: .names(["q"]))
        try new.describe(adapter(["a.q": (2, 4), "b.q": (2, 4), "c.q": (1, 4)]), path: "d")
        #expect(new.rankExceptions == [.init(pattern: "c.q", value: 1)])
        #expect(new.alphaExceptions.isEmpty)
    }

    @Test(
        "names a layer whatever its path means as an expression",
        arguments: ["a+b.q", "a|aab.q", "(aab.q", "[a]*b.q", #"a\q"#, "a?^$.q", "{a}.q"]
    )
    func describesSpecialCharacters(path: String) throws {
        var new = PEFTConfiguration(rank: 8, alpha: 8, targetModules: .names(["q"]))
        // The last path ends in the first one, so that this has to be anchored.
        let adapter = adapter([path: (1, 9), "aab.q": (2, 4), "c.q": (2, 4), "x.\(path)": (2, 4)])
        try new.describe(adapter, path: "d")
        let resolver = try PEFTConfiguration.Resolver(configuration(Array(new.text.utf8)))
        for (path, module) in adapter.modules {
            #expect(resolver.rank(of: path) == module.rank, "\(path)")
            #expect(resolver.alpha(of: path) == module.alpha, "\(path)")
        }
    }

    @Test("says so when nothing describes a layer")
    func describesNothing() {
        var new = PEFTConfiguration(rank: 8, alpha: 8, targetModules: .names(["q"]))
        let error = #expect(throws: AdapterError.self) {
            try new.describe(adapter(["a.q": (2, Double.nan)]), path: "d")
        }
        #expect(error?.description.contains("no pattern describes") == true)
    }

    @Test("cannot say that only some layers use rsLoRA")
    func mixedScaling() {
        var new = PEFTConfiguration(rank: 2, alpha: 4, targetModules: .names(["q"]))
        var mixed = adapter(["a.q": (2, 4), "b.q": (2, 4)])
        mixed.modules["a.q"]?.usesRankStabilizedScaling = true
        #expect(throws: AdapterError.mixedScaling(path: "d")) { try new.describe(mixed, path: "d") }
    }

    private func adapter(_ layers: [String: (rank: Int, alpha: Double)]) -> LoRAAdapter {
        LoRAAdapter(
            modules: layers.mapValues { layer in
                LoRAModule(
                    a: Matrix(rows: layer.rank, columns: 3),
                    b: Matrix(rows: 3, columns: layer.rank),
                    alpha: layer.alpha
                )
            }
        )
    }
}

@discardableResult
private func configuration(_ bytes: [UInt8]) throws(AdapterError) -> PEFTConfiguration {
    try PEFTConfiguration(parsing: bytes.span, path: "c")
}
