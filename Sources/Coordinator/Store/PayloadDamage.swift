package import FederatedLearning
package import Foundation

/// What somebody needs a payload for.
package struct PayloadUse: Hashable, Sendable, CustomStringConvertible {
    package let job: JobID
    package let round: Int
    /// A phrase such as `the update of 'berlin'`.
    package let role: String

    package var description: String { "\(role), round \(round) of job \(job)" }
}

/// A payload that records name and the disk does not hold as it was written.
package struct PayloadDamage: Hashable, Sendable {
    package enum Problem: String, Sendable {
        case missing = "is missing"
        /// The bytes no longer have the digest that names them.
        case changed = "has changed on disk"
    }

    package let digest: ContentDigest
    package let file: URL
    package let problem: Problem
    package let uses: [PayloadUse]

    package init(digest: ContentDigest, file: URL, problem: Problem, uses: [PayloadUse]) {
        self.digest = digest
        self.file = file
        self.problem = problem
        self.uses = uses
    }
}

extension PayloadDamage: CustomStringConvertible {
    package var description: String {
        let purpose = uses.isEmpty ? "" : " It is \(uses.map(\.description).joined(separator: "; and "))."
        return """
            '\(file.path)' \(problem.rawValue).\(purpose) Check the disk; stop the server, put the file of that name from \
            `payloads/blobs` of a backup in its place, and start again.
            """
    }
}
