import Adapters
import ClientDaemon
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("TrainerFolder")
struct TrainerFolderTests {
    private func withRequest(_ body: (TrainerFolder, URL) throws -> Void) async throws {
        try await withTemporaryDirectory { url in
            let folder = TrainerFolder(ClientDirectory(url))
            try folder.prepare()
            try body(folder, try folder.createRequest("train-1"))
        }
    }

    private func write(_ adapter: LoRAAdapter = .counting(), to url: URL) throws {
        try PEFTDirectory(
            configuration: PEFTConfiguration(rank: 4, alpha: 16, targetModules: .names(["query"])),
            adapter: adapter
        ).write(to: url)
    }

    private func mode(of url: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int
    }

    @Test("a plain result is read, and nothing stays where it was copied to")
    func reads() async throws {
        try await withRequest { folder, request in
            try write(to: request.appendingPathComponent("out/last"))
            let result = try folder.takeResult(at: "out/last", of: request, tensorBytes: 1 << 20)
            #expect(result.adapter == .counting())
            #expect(try mode(of: folder.url) == 0o700)
            #expect(try mode(of: request) == 0o700)
            let beside = folder.url.deletingLastPathComponent()
            #expect(try FileManager.default.contentsOfDirectory(atPath: beside.path) == ["trainer"])
        }
    }

    @Test("a new process finds nothing of the requests before, and what else it has kept")
    func prepares() async throws {
        try await withRequest { folder, request in
            try Data("x".utf8).write(to: request.appendingPathComponent("big"))
            try Data("x".utf8).write(to: folder.url.appendingPathComponent("tmp/scratch"))
            try Data("x".utf8).write(to: folder.url.appendingPathComponent("cache"))
            chmod(folder.url.path, 0o755)
            try folder.prepare()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == ["cache", "tmp"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/tmp").isEmpty)
            #expect(try mode(of: folder.url) == 0o700)
        }
    }

    @Test("a new process finds nothing when more than it may have was kept")
    func empties() async throws {
        try await withRequest { folder, _ in
            try Data(repeating: 1, count: 64 << 10).write(to: folder.url.appendingPathComponent("rubble"))
            try folder.prepare(limit: 1 << 20)
            #expect(FileManager.default.fileExists(atPath: folder.url.path + "/rubble"))
            try folder.prepare(limit: 16 << 10)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["tmp"])
            #expect(try mode(of: folder.url) == 0o700)
        }
    }

    @Test(
        "a path out of the request's folder is refused before anything is opened",
        arguments: ["../adapter", "a/../../adapter", "/etc", "", "a//b", ".", "result/", "a\u{0}b"]
    )
    func refusesPaths(path: String) async throws {
        try await withRequest { folder, request in
            let error = #expect(throws: TrainerError.self) {
                try folder.takeResult(at: path, of: request, tensorBytes: 1 << 20)
            }
            #expect(error?.description.contains("leads out of the request's folder") == true)
        }
    }

    @Test("links are not followed: of the folder, of a folder on the way, of a file")
    func refusesLinks() async throws {
        try await withRequest { folder, request in
            let elsewhere = folder.url.deletingLastPathComponent().appendingPathComponent("elsewhere")
            try write(to: elsewhere.appendingPathComponent("deep"))
            let files = FileManager.default
            try files.createSymbolicLink(
                at: request.appendingPathComponent("whole"),
                withDestinationURL: elsewhere.appendingPathComponent("deep")
            )
            try files.createSymbolicLink(at: request.appendingPathComponent("way"), withDestinationURL: elsewhere)
            try files.createDirectory(at: request.appendingPathComponent("file"), withIntermediateDirectories: false)
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                try files.createSymbolicLink(
                    at: request.appendingPathComponent("file/\(name)"),
                    withDestinationURL: elsewhere.appendingPathComponent("deep/\(name)")
                )
            }
            for path in ["whole", "way/deep", "file"] {
                let error = #expect(throws: TrainerError.self) {
                    try folder.takeResult(at: path, of: request, tensorBytes: 1 << 20)
                }
                #expect(
                    error?.description.contains("none is followed") == true,
                    "\(path): \(String(describing: error))"
                )
            }
        }
    }

    @Test("a missing result, a pipe in a file's place and a whole model are refused without waiting")
    func refusesOthers() async throws {
        try await withRequest { folder, request in
            let missing = #expect(throws: TrainerError.self) {
                try folder.takeResult(at: "result", of: request, tensorBytes: 1 << 20)
            }
            #expect(missing?.description.contains("Write a PEFT directory before `trained`") == true)
            let result = request.appendingPathComponent("result")
            try write(to: result)
            let large = #expect(throws: TrainerError.self) {
                try folder.takeResult(at: "result", of: request, tensorBytes: 100)
            }
            #expect(large?.description.contains("at most 100 are taken") == true)
            let tensors = result.appendingPathComponent("adapter_model.safetensors")
            try FileManager.default.removeItem(at: tensors)
            #expect(mkfifo(tensors.path, 0o600) == 0)
            let pipe = #expect(throws: TrainerError.self) {
                try folder.takeResult(at: "result", of: request, tensorBytes: 1 << 20)
            }
            #expect(pipe?.description.contains("is no plain file") == true)
        }
    }
}
