/// What was found of one thing that a program needs: it is well, or what is wrong and what to do.
package struct Finding: Hashable, Sendable, Codable {
    /// What was looked at, in a word or two.
    package let subject: String
    package let isWell: Bool
    /// What is there, or what is wrong and what to do.
    package let text: String

    enum CodingKeys: String, CodingKey {
        case subject
        case isWell = "ok"
        case text
    }

    package init(_ subject: String, isWell: Bool, _ text: String) {
        self.subject = subject
        self.isWell = isWell
        self.text = text
    }

    /// Finds what `body` says, or the error that it throws.
    package init(_ subject: String, _ body: () throws -> String) {
        let (isWell, text): (Bool, String)
        do {
            (isWell, text) = (true, try body())
        } catch {
            (isWell, text) = (false, "\(error)")
        }
        self.init(subject, isWell: isWell, text)
    }

    /// Finds what `body` says after a wait, or the error that it throws.
    package static func checking(_ subject: String, _ body: () async throws -> String) async -> Finding {
        do {
            return Finding(subject, isWell: true, try await body())
        } catch {
            return Finding(subject, isWell: false, "\(error)")
        }
    }
}

/// What is wrong and what to do, where no program has an error for it.
package struct Flaw: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
