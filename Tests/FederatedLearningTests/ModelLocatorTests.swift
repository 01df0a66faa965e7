import Foundation
import TestSupport
import Testing

@testable import FederatedLearning

@Suite("Model locator")
struct ModelLocatorTests {
    private static func makeModel(_ path: String, in folder: URL) throws -> URL {
        let model = folder.appendingPathComponent(path, isDirectory: true)
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        try Data("weights".utf8).write(to: model.appendingPathComponent("model.safetensors"))
        return model.standardizedFileURL
    }

    @Test("finds a model by its path, beside the job file and by its name in the cache")
    func finds() async throws {
        try await withTemporaryDirectory { folder in
            let absolute = try Self.makeModel("somewhere/m", in: folder)
            let beside = try Self.makeModel("jobs/mine", in: folder)
            let cached = try Self.makeModel("cache/models/minilm", in: folder)
            let xdg = try Self.makeModel("xdg/tributary/models/minilm", in: folder)
            let jobs = folder.appendingPathComponent("jobs", isDirectory: true)
            let locator = ModelLocator(environment: ["TRIBUTARY_CACHE": folder.appendingPathComponent("cache").path])
            #expect(try locator.locate(absolute.path, besides: jobs).path == absolute.path)
            #expect(try locator.locate("mine", besides: jobs).path == beside.path)
            #expect(try locator.locate("../somewhere/m", besides: jobs).path == absolute.path)
            #expect(try locator.locate("minilm", besides: jobs).path == cached.path)
            let other = ModelLocator(environment: ["XDG_CACHE_HOME": folder.appendingPathComponent("xdg").path])
            #expect(try other.locate("minilm", besides: jobs).path == xdg.path)
        }
    }

    @Test("says where it looked")
    func missing() async throws {
        try await withTemporaryDirectory { folder in
            let locator = ModelLocator(environment: ["HOME": folder.path])
            let tried = ["jobs/m", ".cache/tributary/models/m"].map {
                folder.appendingPathComponent($0).standardizedFileURL.path
            }
            #expect(throws: FederatedLearningError.modelNotFound(model: "m", tried: tried)) {
                try locator.locate("m", besides: folder.appendingPathComponent("jobs", isDirectory: true))
            }
        }
    }
}
