import Adapters
import Foundation
import Testing

@testable import Training

/// Finds files beside the tests.
enum Fixture {
    static func url(_ name: String) -> URL {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures").appendingPathComponent(name)
    }

    /// The lines of a JSON lines file.
    static func lines<Line: Decodable>(_ name: String, as type: Line.Type = Line.self) throws -> [Line] {
        try String(contentsOf: url(name), encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
    }

    static func tinyModel() throws -> BertModel { try bert(at: url("tiny-bert")) }

    static func bert(at folder: URL) throws -> BertModel {
        let directory = try BaseModelDirectory(reading: folder)
        guard case .bert(let configuration) = directory.configuration else { throw NotBERT() }
        return try BertModel(configuration, in: directory)
    }

    private struct NotBERT: Error {}
}

/// The folder that `examples/four-silos/fetch.py` fills; `make test` runs it before the tests.
enum Cache {
    static let folder: URL = {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["TRIBUTARY_CACHE"], !folder.isEmpty { return URL(fileURLWithPath: folder) }
        let caches = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
        return (caches ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache"))
            .appendingPathComponent("tributary")
    }()

    static let model = folder.appendingPathComponent("models/minilm")
    static let silos = ["amazon", "movies", "nytimes", "tweets"]

    static func data(_ silo: String) -> URL { folder.appendingPathComponent("data/vader/\(silo).jsonl") }

    static var hasModel: Bool {
        FileManager.default.fileExists(atPath: model.appendingPathComponent("model.safetensors").path)
    }

    static var hasData: Bool { silos.allSatisfy { FileManager.default.fileExists(atPath: data($0).path) } }

    static let absence: Comment = "The model or the texts are not in the cache; `make data` fetches them."
}
