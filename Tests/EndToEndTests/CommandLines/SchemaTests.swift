import Adapters
import Coordinator
import FederatedLearning
import Foundation
import Simulation
import TestSupport
import Testing

@testable import ClientDaemon

/// What the reader of a file says of a text, beside what its JSON Schema says of it.
@Suite("Schemas of configuration files", .enabled(if: PythonProcess.withSchemas != nil))
struct SchemaTests {
    /// A file format with its schema, its reader, and a file that both take.
    struct Format: Sendable {
        let name: String
        let schema: String
        let sample: String
        let read: @Sendable (String) throws -> Void

        static let all = [job, experiment, client, policy, server]

        static let job = Format(
            name: "job",
            schema: JobSchema.text,
            sample: """
                name: sample
                model: minilm
                task: sequence-classification
                labels: [bad, good]
                adapter: {r: 8, lora_alpha: 16, target_modules: [query]}
                strategy: {name: flexlora}
                rounds: 3
                cohort: {size: 4}
                """
        ) { _ = try JobFile.parse($0) }

        static let experiment = Format(
            name: "experiment",
            schema: ExperimentSchema.text,
            sample: job.sample + "\nclients: 8\ndata: {file: texts.jsonl}\n"
        ) { _ = try ExperimentFile.parse($0) }

        static let client = Format(
            name: "client",
            schema: ConfigurationSchema.client.document(title: "client"),
            sample: "server: {host: fed.example.org, port: 8443}\nmax_rank: 8\n"
        ) { _ = try ConfigurationFile.parse($0, relativeTo: URL(fileURLWithPath: "/")) }

        static let policy = Format(
            name: "policy",
            schema: ConfigurationSchema.policy.document(title: "policy"),
            sample: "jobs: [clinic-*]\nmax_epochs: 3\n"
        ) { _ = try PolicyFile.parse($0, relativeTo: URL(fileURLWithPath: "/")) }

        static let server = Format(
            name: "server",
            schema: ServerSettings.schema.document(title: "server"),
            sample: "listen: 127.0.0.1:8443\nenrolment_listen: 127.0.0.1:8444\nadmin_listen: 127.0.0.1:8445\n"
        ) { text in
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("server-\(UUID().uuidString).yaml")
            defer { try? FileManager.default.removeItem(at: file) }
            try Data(text.utf8).write(to: file)
            _ = try ServerSettings(contentsOf: file)
        }

        func accepts(_ text: String) -> Bool {
            do {
                try read(text)
                return true
            } catch {
                return false
            }
        }
    }

    private struct Verdict: Decodable {
        let valid: Bool
        let errors: [String]
    }

    /// Has Python's `jsonschema` judge texts.
    private static func verdicts(on cases: [(format: Format, text: String)]) async throws -> [Verdict] {
        try await withTemporaryDirectory { folder in
            for format in Format.all {
                try Data(format.schema.utf8).write(to: folder.appendingPathComponent("\(format.name).schema.json"))
            }
            let list = cases.map { ["schema": $0.format.name, "yaml": $0.text] }
            try JSONEncoder().encode(list).write(to: folder.appendingPathComponent("cases.json"))
            let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("check_schemas.py")
            let python = try #require(PythonProcess.withSchemas)
            let (output, status) = try PythonProcess.run(python, [script.path, folder.path])
            try #require(status == 0, "\(output.suffix(2000))")
            return try output.split(separator: "\n").map { line in
                try JSONDecoder().decode(Verdict.self, from: Data(line.utf8))
            }
        }
    }

    @Test("take every file of examples and simulations, as their readers do")
    func examples() async throws {
        var cases: [(format: Format, text: String, path: String)] = []
        for folder in ["examples", "simulations"] {
            let root = PythonProcess.package.appendingPathComponent(folder)
            let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
            // What a run of an example leaves, as `make demo` does before `make test`, is nobody's example.
            for path in paths
            where path.hasSuffix(".yaml") && !path.contains("result") && !path.contains("/output/") {
                let text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
                let name = URL(fileURLWithPath: path).lastPathComponent
                let format = try #require(
                    ["job.yaml": Format.job, "client.yaml": .client, "policy.yaml": .policy][name]
                        ?? (name.hasPrefix("experiment") ? .experiment : nil),
                    "\(path)"
                )
                cases.append((format, text, path))
            }
        }
        #expect(cases.count >= 9)
        let verdicts = try await Self.verdicts(on: cases.map { ($0.format, $0.text) })
        for (test, verdict) in zip(cases, verdicts) {
            #expect(verdict.valid, "\(test.path): \(verdict.errors)")
            #expect(throws: Never.self, "\(test.path)") { try test.format.read(test.text) }
        }
    }

    @Test("take the samples, and refuse unknown keys, as their readers do")
    func samples() async throws {
        let cases: [(format: Format, text: String)] = Format.all.flatMap {
            [($0, $0.sample), ($0, $0.sample + "\nrondus: 1\n")]
        }
        let verdicts = try await Self.verdicts(on: cases)
        for (test, verdict) in zip(cases, verdicts) {
            let isSample = test.text == test.format.sample
            #expect(verdict.valid == isSample, "\(test.format.name): \(verdict.errors)")
            #expect(test.format.accepts(test.text) == isSample, "\(test.format.name)")
        }
    }

    /// Values that no key of a kind takes, by what the schema says of it.
    private static func badValues(for schema: JSONObject) -> [String] {
        if case .array(let options)? = schema["anyOf"] {
            return options.compactMap(\.object).first.map { badValues(for: $0) } ?? []
        }
        if schema["enum"] != nil { return ["something-else", "[]"] }
        var values: [String] = []
        for (name, step) in [("minimum", -1.0), ("maximum", 1.0)] {
            guard let bound = schema[name]?.double else { continue }
            let isWhole = schema["type"]?.string == "integer"
            guard bound < 1e18 else { continue }
            values.append(isWhole ? "\(Int(bound) + Int(step))" : "\(bound + step * max(abs(bound), 1e-3))")
        }
        for name in ["exclusiveMinimum", "exclusiveMaximum"] {
            if let bound = schema[name]?.double { values.append("\(bound)") }
        }
        switch schema["type"]?.string ?? "" {
        case "integer": return values + ["1.5", "many", "{}"]
        case "number": return values + ["many", "[1]", "true"]
        case "boolean": return ["maybe", "1", "{}"]
        case "string": return ["ten minutes", "[]", "90"]
        case "array": return ["word", "{}"]
        case "object": return ["word", "[1]", "{no-such-key: {}}"]
        default: return ["[]", "{}"]
        }
    }

    /// Every key of a schema, with the schemas of those inside it.
    private static func keys(of schema: JSONObject, under path: [String] = []) -> [(path: [String], schema: JSONObject)]
    {
        var schema = schema
        if case .array(let options)? = schema["anyOf"], let first = options.first?.object { schema = first }
        return (schema["properties"]?.object?.members ?? []).flatMap {
            name,
            value -> [(path: [String], schema: JSONObject)] in
            guard let inner = value.object else { return [] }
            return [(path + [name], inner)] + keys(of: inner, under: path + [name])
        }
    }

    /// A section that its schema takes, so that a bad value in it is all that is wrong.
    private static let sections = [
        "adapter": ["r": "8", "lora_alpha": "16", "target_modules": "[query]"], "strategy": ["name": "flexlora"],
        "cohort": ["size": "4"], "robust": ["rule": "krum", "byzantine": "1"], "server_optimizer": ["name": "fedadam"],
        "privacy": ["mechanism": "central", "clipping_norm": "1.0", "noise_multiplier": "1.0", "delta": "1.0e-5"],
        "data": ["file": "texts.jsonl"], "partition": ["by": "dirichlet", "alpha": "0.5"],
        "ranks": ["distribution": "uniform"], "availability": ["kind": "random"],
        "server": ["host": "fed.example.org", "port": "8443"], "trainer": ["command": "trainer.py"],
    ]
    private static let clientPrivacy = ["epsilon_limit": "8.0", "delta": "1.0e-6"]

    /// The sample with one key set, beside whatever its section cannot do without.
    private static func text(of format: Format, setting path: [String], to value: String?) -> String {
        let top = path[0]
        let kept = format.sample.split(separator: "\n").filter { !$0.hasPrefix("\(top):") }.joined(separator: "\n")
        guard path.count > 1 else { return "\(kept)\n\(top): \(value ?? "")\n" }
        let isClientPrivacy = format.name == "client" && top == "privacy"
        var section = isClientPrivacy ? clientPrivacy : sections[top] ?? [:]
        if let value { section[path[1]] = value }
        let members = section.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        return "\(kept)\n\(top): {\(members)}\n"
    }

    @Test("refuse what is out of range or of another type for every key, as their readers do, by name")
    func badValues() async throws {
        var cases: [(format: Format, text: String, path: [String], value: String)] = []
        var sound: [(format: Format, text: String)] = []
        for format in Format.all {
            let schema = try #require(JSONValue(parsing: Array(format.schema.utf8).span).object)
            let keys = Self.keys(of: schema)
            #expect(keys.count >= 7)
            for (path, key) in keys {
                if path.count > 1 { sound.append((format, Self.text(of: format, setting: path, to: nil))) }
                for value in Self.badValues(for: key) {
                    cases.append((format, Self.text(of: format, setting: path, to: value), path, value))
                }
            }
        }
        #expect(cases.count > 400)
        let soundVerdicts = try await Self.verdicts(on: sound)
        for (test, verdict) in zip(sound, soundVerdicts) {
            #expect(verdict.valid, "\(test.text): \(verdict.errors)")
        }
        let verdicts = try await Self.verdicts(on: cases.map { ($0.format, $0.text) })
        for (test, verdict) in zip(cases, verdicts) {
            let what = "\(test.format.name) \(test.path.joined(separator: "."))=\(test.value)"
            #expect(!verdict.valid, "The schema takes \(what).")
            do {
                try test.format.read(test.text)
                Issue.record("The reader takes \(what).")
            } catch {
                // Days are hours to the reader.
                let names = test.path.map { $0 == "certificate_days" ? "certificate_" : $0 }
                #expect(names.contains { "\(error)".contains($0) }, "\(what): \(error)")
            }
        }
    }

    @Test("refuse devices that are too slow for their times to be told, as the reader does")
    func slowDevices() async throws {
        let experiment = Format.experiment
        let speeds: [(text: String, isSound: Bool)] = [("1.0e-20", false), ("0.000001", true), ("500", true)]
        let texts = speeds.map { speed in
            "\(experiment.sample)devices: [{name: phone, tokens_per_second: \(speed.text)}]\n"
        }
        let verdicts = try await Self.verdicts(on: texts.map { (experiment, $0) })
        for (speed, (text, verdict)) in zip(speeds, zip(texts, verdicts)) {
            #expect(verdict.valid == speed.isSound, "\(speed.text): \(verdict.errors)")
            #expect(experiment.accepts(text) == speed.isSound, "\(speed.text)")
        }
    }

    @Test("know every key that the readers know")
    func keys() {
        #expect(Set(ConfigurationSchema.client.keys) == Set(ConfigurationFile.keys))
        #expect(Set(ConfigurationSchema.policy.keys) == Set(PolicyFile.keys))
    }
}
