package import FederatedLearning
package import Foundation

/// Finds the base model that an order names among what this machine has.
///
/// A name is only a hint: what decides is the SHA-256 of the weights, which the order pins.
package struct ModelLibrary: Sendable {
    /// The directories that the configuration gives to names.
    private let named: [String: URL]
    /// Further directories, such as those of `--model`.
    private let directories: [URL]
    private let cache: URL

    /// Creates a library.
    ///
    /// - Parameters:
    ///   - named: The `models` of client.yaml.
    ///   - directories: Directories that may serve any name.
    ///   - cache: Where set-up puts downloaded models, one folder a name; by default that of ``defaultCache``.
    package init(named: [String: URL] = [:], directories: [URL] = [], cache: URL = Self.defaultCache) {
        self.named = named
        self.directories = directories
        self.cache = cache
    }

    /// `$TRIBUTARY_CACHE/models`, or `tributary/models` in the user's cache folder.
    package static var defaultCache: URL {
        let environment = ProcessInfo.processInfo.environment
        func folder(_ variable: String) -> URL? {
            environment[variable].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
        }
        let root =
            folder("TRIBUTARY_CACHE")
            ?? (folder("XDG_CACHE_HOME")
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache"))
            .appendingPathComponent("tributary")
        return root.appendingPathComponent("models", isDirectory: true)
    }

    /// Where the model called `name` may be, the most particular place first.
    ///
    /// A path that the server gives as a name is only followed as a whole, and only to be compared; of any other name
    /// the last part counts.
    package func candidates(for name: String) -> [URL] {
        let last = name.split(separator: "/").last.map(String.init) ?? ""
        var places: [URL] = []
        if let url = named[name] { places.append(url) }
        places +=
            directories.filter { $0.lastPathComponent == last } + directories.filter { $0.lastPathComponent != last }
        if name.hasPrefix("/") { places.append(URL(fileURLWithPath: name, isDirectory: true)) }
        if !["", ".", ".."].contains(last) { places.append(cache.appendingPathComponent(last, isDirectory: true)) }
        return places
    }

    /// Returns the first candidate whose weights have the pinned digest.
    ///
    /// - Parameters:
    ///   - name: The model as the job calls it.
    ///   - digest: The SHA-256 that the job pins.
    ///   - digestOf: Hashes the weights of a model directory, or returns `nil` when there is no model in it.
    /// - Returns: The model's directory.
    /// - Throws: ``ClientError/modelNotFound(name:candidates:)`` or
    ///   ``ClientError/modelDiffers(name:expected:candidates:)``.
    package func directory(
        for name: String,
        digest: ContentDigest,
        digestOf: (URL) async throws -> ContentDigest?
    ) async throws -> URL {
        let candidates = candidates(for: name)
        var present: [URL] = []
        for candidate in candidates {
            guard let found = try await digestOf(candidate) else { continue }
            if found == digest { return candidate }
            present.append(candidate)
        }
        guard present.isEmpty else {
            throw ClientError.modelDiffers(name: name, expected: digest.hexadecimal, candidates: present.map(\.path))
        }
        throw ClientError.modelNotFound(name: name, candidates: candidates.map(\.path))
    }
}
