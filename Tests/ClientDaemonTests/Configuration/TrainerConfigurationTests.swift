import ClientDaemon
import Foundation
import TestSupport
import Testing

@Suite("The trainer in client.yaml")
struct TrainerConfigurationTests {
    private let folder = URL(fileURLWithPath: "/silo", isDirectory: true)

    private func trainer(_ text: String) throws -> TrainerSettings? {
        try ConfigurationFile.parse("trainer:\n  " + text, relativeTo: folder).trainer
    }

    @Test("every key is read")
    func readsEverything() throws {
        let settings = try trainer(
            """
            command: venv/bin/python 'my trainer.py' --device cuda
              environment: {CUDA_VISIBLE_DEVICES: "1"}
              start: 5m
              silence: 90s
              time: 2h
              memory: 16GiB
              disk: 512 MiB
              retries: 3
            """
        )
        #expect(settings?.command == ["/silo/venv/bin/python", "my trainer.py", "--device", "cuda"])
        #expect(settings?.environment == ["CUDA_VISIBLE_DEVICES": "1"])
        #expect(
            settings?.limits
                == TrainerLimits(
                    start: .seconds(300),
                    silence: .seconds(90),
                    time: .seconds(7200),
                    memory: 16 << 30,
                    disk: 512 << 20
                )
        )
        #expect(settings?.retries == 3)
        #expect(try trainer("command: [python3, 'a b']") == TrainerSettings(command: ["python3", "a b"]))
        #expect(try ConfigurationFile.parse("", relativeTo: folder).trainer == nil)
    }

    @Test("an argument that names a file becomes a whole path, because the program runs elsewhere")
    func findsFiles() async throws {
        try await withTemporaryDirectory { folder in
            try Data().write(to: folder.appendingPathComponent("trainer.py"))
            #expect(
                try ConfigurationFile.trainerCommand("python3 trainer.py other.py --x", relativeTo: folder)
                    == ["python3", folder.appendingPathComponent("trainer.py").path, "other.py", "--x"]
            )
        }
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let text: String
        let message: String
        var testDescription: String { text }
    }

    @Test(
        "a mistake says what to write",
        arguments: [
            Mistake(text: "{}", message: "'trainer.command' in 'client.yaml' is 'missing'."),
            Mistake(text: "{comand: x}", message: "Did you mean 'trainer.command'?"),
            Mistake(text: "{command: 'a \"b'}", message: "Write a program and its arguments"),
            Mistake(text: "{command: x, memory: 16}", message: "Write an amount such as 512MiB or 16GiB."),
            Mistake(text: "{command: x, silence: 0s}", message: "Write a time such as 30s, 10m or 2h."),
            Mistake(text: "{command: x, retries: 11}", message: "Write a whole number from 0 to 10."),
        ]
    )
    func explains(_ mistake: Mistake) throws {
        let error = #expect(throws: ClientError.self) {
            try ConfigurationFile.parse("trainer: " + mistake.text, relativeTo: folder)
        }
        let text = try #require(error).description
        #expect(text.contains(mistake.message), "\(text)")
    }

    struct Words: Sendable, CustomTestStringConvertible {
        let text: String
        let words: [String]?
        var testDescription: String { text }
    }

    @Test(
        "a command line is taken apart as a shell does it",
        arguments: [
            Words(text: "a  b\tc ", words: ["a", "b", "c"]),
            Words(text: "a 'b c' \"d e\"", words: ["a", "b c", "d e"]),
            Words(text: "a'b'\"c\"d", words: ["abcd"]),
            Words(text: #"a\ b "c\"d" 'e\f' "g\h""#, words: ["a b", "c\"d", #"e\f"#, #"g\h"#]),
            Words(text: "a '' $HOME|x", words: ["a", "", "$HOME|x"]),
            Words(text: "", words: []),
            Words(text: "a 'b", words: nil),
            Words(text: #"a\"#, words: nil),
        ]
    )
    func splits(_ test: Words) {
        #expect(CommandWords.split(test.text) == test.words)
    }

    @Test("amounts of memory are read and written")
    func byteCounts() {
        #expect(ByteCountText.parse("3KiB") == 3072)
        #expect(ByteCountText.parse("2 TiB") == 2 << 40)
        for text in ["", "GiB", "0GiB", "-1GiB", "1GB", "1.5GiB", "1 000GiB", "99999999999999999999GiB", "2000TiB"] {
            #expect(ByteCountText.parse(text) == nil, "\(text)")
        }
        #expect(ByteCountText.format(16 << 30) == "16 GiB")
        #expect(ByteCountText.format(1536 << 20) == "1.5 GiB")
        #expect(ByteCountText.format(12) == "12 B")
    }
}
