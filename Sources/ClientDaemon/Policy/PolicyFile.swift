private import FederatedLearning
package import Foundation

/// Reads `policy.yaml`, as strictly as `client.yaml`: a misspelt rule never passes for no rule.
package enum PolicyFile {
    static let keys = [
        "jobs", "strategies", "models", "minimum_privacy", "data", "max_epochs", "evaluation", "logs",
    ]

    /// Reads the policy of `directory`; without a file, the silo consents to every order that it can do.
    ///
    /// - Throws: A ``ClientError`` that names the rule and says what to write.
    package static func read(from directory: ClientDirectory) throws -> SiloPolicy {
        let file = directory.policyFile
        guard FileManager.default.fileExists(atPath: file.path) else { return .open }
        return try parse(ConfigurationFile.text(of: file), path: file.path, relativeTo: directory.url)
    }

    /// Reads a policy from its text.
    ///
    /// - Parameters:
    ///   - text: The YAML.
    ///   - path: The file's name in messages.
    ///   - folder: Where relative paths start.
    /// - Returns: The policy.
    /// - Throws: A ``ClientError`` that names the rule and says what to write.
    package static func parse(
        _ text: String,
        path: String = "policy.yaml",
        relativeTo folder: URL
    ) throws -> SiloPolicy {
        guard let root = try ConfigurationFile.compose(text, path: path) else { return .open }
        let rules = try ConfigurationSection(root, path: path, prefix: "", keys: keys)
        var policy = SiloPolicy()
        policy.jobs = try rules.list("jobs", expected: "a list of job names such as [clinic-*]")
        policy.strategies = try rules.list("strategies", expected: "a list such as [fedavg, flexlora]")
        let digests = "a list of SHA-256 digests, each 64 lower-case hexadecimal digits"
        policy.models = try rules.list("models", expected: digests)?.map { text in
            guard let digest = ContentDigest(hexadecimal: text) else {
                throw ClientError.invalidValue(path: path, key: "models", found: text, expected: digests)
            }
            return digest
        }
        policy.minimumPrivacy = try rules.choice("minimum_privacy", of: SiloPolicy.Privacy.self) ?? .none
        policy.data = try rules.list("data", expected: "a list of data files")?.map {
            ConfigurationFile.url($0, folder)
        }
        policy.maximumEpochs = try rules.integer("max_epochs", in: 1...1_000_000)
        policy.lendsLog = try rules.choice("logs", of: Consent.self) == .allowed
        policy.allowsEvaluation = try rules.choice("evaluation", of: Consent.self) != .refused
        return policy
    }

    private enum Consent: String, CaseIterable {
        case allowed, refused
    }
}
