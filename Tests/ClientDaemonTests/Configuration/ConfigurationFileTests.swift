import ClientDaemon
import Foundation
import TestSupport
import Testing

@Suite("ConfigurationFile")
struct ConfigurationFileTests {
    private let folder = URL(fileURLWithPath: "/silo", isDirectory: true)

    @Test("every key is read, and relative paths start from the directory")
    func readsEverything() throws {
        let configuration = try ConfigurationFile.parse(
            """
            server: {host: fed.example.org, port: 7443}
            data: texts/train.jsonl
            models:
              minilm: /srv/models/minilm
              local: ../models/local
            max_rank: 8
            tags: {site: berlin, ward: "7"}
            threads: 2
            """,
            relativeTo: folder
        )
        #expect(configuration.server == ServerAddress(host: "fed.example.org", port: 7443))
        #expect(configuration.data?.path == "/silo/texts/train.jsonl")
        #expect(configuration.models.mapValues(\.path) == ["minilm": "/srv/models/minilm", "local": "/models/local"])
        #expect(configuration.maximumRank == 8)
        #expect(configuration.tags == ["site": "berlin", "ward": "7"])
        #expect(configuration.threads == 2)
    }

    @Test(
        "an empty file, and keys without values, mean the defaults",
        arguments: ["", "# nothing\n", "data:\nmodels: ~\n"]
    )
    func readsDefaults(text: String) throws {
        #expect(try ConfigurationFile.parse(text, relativeTo: folder) == ClientConfiguration())
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let text: String
        let message: String
        var testDescription: String { text.replacing("\n", with: "⏎") }
    }

    @Test(
        "a mistake is one sentence what and one what to write",
        arguments: [
            Mistake(
                text: "max_rank: 8\nmaxrank: 4",
                message: "'client.yaml' line 2 has the unknown key 'maxrank'. Did you mean 'max_rank'?"
            ),
            Mistake(
                text: "server: {hots: a, port: 1}",
                message: "'client.yaml' line 1 has the unknown key 'server.hots'. Did you mean 'server.host'?"
            ),
            Mistake(
                text: "password: x",
                message:
                    "'client.yaml' line 1 has the unknown key 'password'. "
                    + "The known keys are server, data, models, max_rank, tags, threads, privacy, trainer."
            ),
            Mistake(
                text: "max_rank: many",
                message: "'max_rank' in 'client.yaml' is 'many'. Write a whole number from 1 to 1024."
            ),
            Mistake(
                text: "max_rank: 0",
                message: "'max_rank' in 'client.yaml' is '0'. Write a whole number from 1 to 1024."
            ),
            Mistake(
                text: "server: {host: a}",
                message: "'server.port' in 'client.yaml' is 'missing'. Write a whole number from 1 to 65535."
            ),
            Mistake(
                text: "models: [a, b]",
                message: "'models' in 'client.yaml' is 'a list'. Write a path for each model name."
            ),
            Mistake(
                text: "tags: {site: [a]}",
                message: "'tags.site' in 'client.yaml' is 'a list'. Write a text for each tag."
            ),
            Mistake(
                text: "- a",
                message:
                    "'client.yaml' line 1 is no valid configuration: keys with values are expected, such as "
                    + "`server: …`. Correct the file."
            ),
            Mistake(
                text: "data: a\ndata: b",
                message: "'client.yaml' is no valid configuration: the key 'data' is given twice. Correct the file."
            ),
        ]
    )
    func explains(mistake: Mistake) throws {
        let error = #expect(throws: ClientError.self) {
            try ConfigurationFile.parse(mistake.text, relativeTo: folder)
        }
        #expect(error?.description == mistake.message)
    }

    @Test("text that is not YAML names the line")
    func namesTheLine() throws {
        let error = #expect(throws: ClientError.self) {
            try ConfigurationFile.parse("max_rank: 8\ntags: {a: b\n", relativeTo: folder)
        }
        guard case .malformedConfiguration(_, let line, _) = error else {
            Issue.record("\(String(describing: error)) is another error")
            return
        }
        #expect(line != nil)
    }

    @Test("joining writes the server into a new file, and keeps what a steward wrote before")
    func establishesTheServer() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let server = ServerAddress(host: "localhost", port: 7000)
            try ConfigurationFile.establish(server: server, in: directory)
            #expect(try ConfigurationFile.read(from: directory) == ClientConfiguration(server: server))

            let prepared = "# ours\nmax_rank: 4\ndata: a.csv\n"
            try Data(prepared.utf8).write(to: directory.configurationFile)
            try ConfigurationFile.establish(server: server, in: directory)
            let configuration = try ConfigurationFile.read(from: directory)
            #expect(configuration.server == server)
            #expect(configuration.maximumRank == 4)
            #expect(try String(contentsOf: directory.configurationFile, encoding: .utf8).hasSuffix(prepared))

            try ConfigurationFile.establish(server: server, in: directory)
            #expect(throws: ClientError.self) {
                try ConfigurationFile.establish(server: ServerAddress(host: "other", port: 1), in: directory)
            }
        }
    }

    @Test("a file that is missing, too large or not UTF-8 is an error that names it")
    func refusesOtherFiles() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let path = directory.configurationFile.path
            for content in [nil, Data([0xFF, 0xFE, 0x00]), Data(repeating: 0x23, count: 300 * 1024)] {
                try content?.write(to: directory.configurationFile)
                let error = #expect(throws: ClientError.self) { try ConfigurationFile.read(from: directory) }
                #expect(error?.description.contains(path) == true)
            }
        }
    }
}
