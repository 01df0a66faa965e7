import Foundation

/// The folder that `make data` fills.
enum BenchmarkCache {
    static let folder: URL = {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["TRIBUTARY_CACHE"], !folder.isEmpty { return URL(fileURLWithPath: folder) }
        let caches = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
        return (caches ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache"))
            .appendingPathComponent("tributary")
    }()

    static var model: URL { folder.appendingPathComponent("models/minilm") }

    static var hasModel: Bool {
        FileManager.default.fileExists(atPath: model.appendingPathComponent("model.safetensors").path)
    }

    /// A silo of VADER's ground truth.
    static func vader(_ silo: String) -> URL { folder.appendingPathComponent("data/vader/\(silo).jsonl") }

    /// Phrases of ICD-10 with their chapters.
    static var icd: URL { folder.appendingPathComponent("data/icd/icd.jsonl") }
}
