private import Adapters
private import FederatedLearning

/// Why a line of a trainer is none of the contract's messages; a sentence for the data steward.
package struct UnreadableMessage: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension TrainerMessage {
    /// Reads a line.
    ///
    /// Keys that the contract does not have are ignored, so that it can grow; missing keys, and values of another type, are
    /// errors.
    ///
    /// - Parameter line: The line without its end.
    /// - Throws: ``UnreadableMessage``.
    package init(_ line: [UInt8]) throws(UnreadableMessage) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: line.span)
        } catch {
            throw UnreadableMessage("the line `\(Self.excerpt(line))` is not JSON: \(error).\(Self.advice(line))")
        }
        guard let object = value.object else {
            throw UnreadableMessage("the line `\(Self.excerpt(line))` is not a JSON object.")
        }
        let fields = Fields(object: object, type: object["type"]?.string ?? "")
        switch fields.type {
        case "hello":
            self = .hello(
                version: try fields.count("version"),
                TrainerCapabilities(
                    name: PeerText.sentence(try fields.text("name")),
                    release: PeerText.sentence(object["release"]?.string ?? ""),
                    // Tasks and features of a later version are none of ours.
                    tasks: Set(try fields.texts("tasks").compactMap(JobConfiguration.Task.init(rawValue:))),
                    features: Set(
                        try fields.texts("features", default: []).compactMap(TrainerFeature.init(rawValue:))
                    )
                )
            )
        case "progress":
            self = .progress(
                id: try fields.count("id"),
                step: try fields.count("step"),
                stepCount: try fields.count("steps"),
                loss: try fields.number("loss", default: 0)
            )
        case "metrics":
            self = .metrics(id: try fields.count("id"), try fields.figures("metrics"))
        case "trained":
            self = .trained(
                id: try fields.count("id"),
                TrainedReply(
                    adapter: object["adapter"]?.string ?? "result",
                    examples: try fields.count("examples"),
                    steps: try fields.count("steps"),
                    metrics: try fields.figures("metrics")
                )
            )
        case "evaluated":
            self = .evaluated(
                id: try fields.count("id"),
                examples: try fields.count("examples"),
                try fields.figures("metrics")
            )
        case "failed":
            self = .failed(
                id: try fields.count("id"),
                reason: PeerText.sentence(try fields.text("reason")),
                mayRetry: object["retry"]?.bool ?? false
            )
        case "cancelled":
            self = .cancelled(id: try fields.count("id"))
        default:
            throw UnreadableMessage("the line `\(Self.excerpt(line))` has no `type` that is known.")
        }
    }

    /// The beginning of a line, fit for a log.
    package static func excerpt(_ line: [UInt8]) -> String {
        let text = PeerText.sentence(String(decoding: line.prefix(240), as: UTF8.self))
        return line.count > 240 || text.count > 80 ? "\(text.prefix(80))…" : text
    }

    /// What is most often wrong.
    private static func advice(_ line: [UInt8]) -> String {
        let text = String(decoding: line, as: UTF8.self)
        guard line.first == UInt8(ascii: "{"), text.contains("NaN") || text.contains("Infinity") else { return "" }
        return " JSON has no NaN and no Infinity: leave such a figure out."
    }

    /// The members of a message by type, with errors that name the message and the key.
    private struct Fields {
        let object: JSONObject
        let type: String

        func count(_ key: String) throws(UnreadableMessage) -> Int {
            guard let count = object[key]?.integer, count >= 0 else { throw flaw(key, "a whole number of at least 0") }
            return count
        }

        func text(_ key: String) throws(UnreadableMessage) -> String {
            guard let text = object[key]?.string else { throw flaw(key, "a text") }
            return text
        }

        func texts(_ key: String, default missing: [String]? = nil) throws(UnreadableMessage) -> [String] {
            if let missing, object[key] == nil { return missing }
            guard let texts = object[key]?.strings else { throw flaw(key, "a list of texts") }
            return texts
        }

        func number(_ key: String, default missing: Double) throws(UnreadableMessage) -> Double {
            guard let value = object[key], value != .null else { return missing }
            guard let number = value.double else { throw flaw(key, "a number") }
            return number
        }

        /// Reads numbers by name; none when the key is missing.
        func figures(_ key: String) throws(UnreadableMessage) -> [String: Double] {
            guard let value = object[key], value != .null else { return [:] }
            guard let members = value.object?.members else { throw flaw(key, "an object of numbers") }
            var figures: [String: Double] = [:]
            for (name, value) in members {
                guard let number = value.double else { throw flaw("\(key).\(name)", "a number") }
                figures[name] = number
            }
            return figures
        }

        private func flaw(_ key: String, _ needed: String) -> UnreadableMessage {
            UnreadableMessage("`\(type)` needs `\(PeerText.sentence(key))`, which has to be \(needed).")
        }
    }
}
