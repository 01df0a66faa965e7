package import Foundation

/// Finds the folder of a base model that a job names, and other files that are fetched once and kept in the cache.
package struct ModelLocator: Sendable {
    /// Where models are kept in `models`, and data in `data`.
    package let cache: URL

    /// Finds the cache folder: `TRIBUTARY_CACHE` names it, else it is `tributary` in `XDG_CACHE_HOME` or `~/.cache`.
    package init(environment: [String: String]) {
        func folder(_ name: String) -> URL? {
            environment[name].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
        }
        let home = folder("HOME") ?? FileManager.default.homeDirectoryForCurrentUser
        self.cache =
            folder("TRIBUTARY_CACHE")
            ?? (folder("XDG_CACHE_HOME") ?? home.appendingPathComponent(".cache")).appendingPathComponent("tributary")
    }

    /// Returns the first folder with weights among: an absolute path, a path from the job file's folder on, and a name in
    /// the cache's `models`.
    ///
    /// - Throws: ``FederatedLearningError/modelNotFound(model:tried:)``.
    package func locate(_ model: String, besides folder: URL) throws(FederatedLearningError) -> URL {
        let candidates =
            model.hasPrefix("/")
            ? [URL(fileURLWithPath: model, isDirectory: true)]
            : [
                folder.appendingPathComponent(model, isDirectory: true),
                cache.appendingPathComponent("models", isDirectory: true).appendingPathComponent(
                    model,
                    isDirectory: true
                ),
            ]
        for candidate in candidates.map(\.standardizedFileURL) {
            let weights = candidate.appendingPathComponent("model.safetensors")
            if FileManager.default.fileExists(atPath: weights.path) { return candidate }
        }
        throw .modelNotFound(model: model, tried: candidates.map(\.standardizedFileURL.path))
    }
}
