private import FederatedLearning
package import Foundation

extension JobSubmission {
    /// Reads and checks a job file, finds its base model, checks that they fit and hashes the model's weights.
    ///
    /// - Parameters:
    ///   - file: The job file.
    ///   - token: Names this attempt.
    ///   - environment: Says where models are kept.
    /// - Throws: What is wrong with the file, or where the model was looked for.
    package init(file: URL, token: String?, environment: [String: String]) async throws {
        let configuration = try JobFile.read(at: file)
        let folder = file.deletingLastPathComponent()
        let model = try ModelLocator(environment: environment).locate(configuration.model, besides: folder)
        _ = try configuration.aggregationPlan()
        let start = try configuration.readStart(besides: folder)?.start
        if start == nil { _ = try InitialAdapter(for: configuration, model: model) }
        self.init(
            yaml: try String(contentsOf: file, encoding: .utf8),
            modelPath: model.path,
            modelDigest: try await ModelDigest.of(directory: model),
            start: start,
            token: token
        )
    }
}
