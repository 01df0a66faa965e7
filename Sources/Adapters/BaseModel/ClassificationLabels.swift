/// The classes of a head that an adapter brings to a base model, for the model's `config.json`.
struct ClassificationLabels {
    /// What heads of a classification are called.
    private static let headNames = ["classifier", "score"]
    /// Endings of architectures in whose place `ForSequenceClassification` comes.
    private static let otherTasks = ["ForCausalLM", "ForMaskedLM", "ForPreTraining", "LMHeadModel", "Model"]

    /// The names that were given.
    private let names: [String]?
    private let count: Int

    /// Finds the head among the saved tensors; `nil` when there is none.
    ///
    /// - Throws: ``AdapterError/invalidValue(key:path:needed:)`` when there are more or fewer names than rows.
    init?(of adapter: LoRAAdapter, labels: [String]?) throws(AdapterError) {
        let weight = Self.headNames.lazy.compactMap { adapter.savedTensors["\($0).weight"] }.first
        guard let weight, weight.shape.count == 2 else {
            guard labels == nil else {
                throw .invalidValue(
                    key: "labels",
                    path: "the adapter",
                    needed: "left out: it has no classification head"
                )
            }
            return nil
        }
        if let labels, labels.count != weight.shape[0] || Set(labels).count != labels.count {
            throw .invalidValue(
                key: "labels",
                path: "the adapter",
                needed: "\(weight.shape[0]) different names, one for each row of the head"
            )
        }
        self.names = labels
        self.count = weight.shape[0]
    }

    /// Returns the content of a `config.json` that says what the head is.
    func described(in configuration: JSONObject) -> JSONObject {
        var configuration = configuration
        let known = configuration["id2label"]?.object
        var classes = JSONObject()
        for index in 0..<count {
            let own = known?.count == count ? known?["\(index)"]?.string : nil
            classes["\(index)"] = .string(names?[index] ?? own ?? "LABEL_\(index)")
        }
        var indices = JSONObject()
        for (index, name) in classes.members { indices[name.string ?? index] = .number(literal: index) }
        configuration["id2label"] = .object(classes)
        configuration["label2id"] = .object(indices)
        if let architectures = configuration["architectures"]?.strings {
            configuration["architectures"] = .array(architectures.map { .string(Self.classifier(like: $0)) })
        }
        return configuration
    }

    /// Returns the architecture of the same family that classifies texts.
    private static func classifier(like architecture: String) -> String {
        guard let ending = otherTasks.first(where: architecture.hasSuffix) else { return architecture }
        return architecture.dropLast(ending.count) + "ForSequenceClassification"
    }
}
