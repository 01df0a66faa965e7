extension PEFTConfiguration {
    /// Reads a configuration that belongs to another kind of adapter than LoRA: one that says LORA is that of LoRA-XS.
    package init(ofOtherKind text: String, path: String) throws(AdapterError) {
        try self.init(parsing: Array(text.utf8).span, path: path)
        if kind == .lora { kind = .loraXS }
    }

    /// Reads the members of the `adapter_config.json` of another kind of adapter than LoRA.
    ///
    /// What LoRA's keys would say is 1 and nothing: such an adapter has no rank and no scale of its own.
    static func named(_ kind: AdapterKind, _ reader: JSONReader) throws(AdapterError) -> PEFTConfiguration {
        var configuration = PEFTConfiguration(
            rank: 1,
            alpha: 1,
            targetModules: .names([]),
            modulesToSave: try reader.strings("modules_to_save") ?? [],
            taskType: try reader.string("task_type"),
            baseModel: try reader.string("base_model_name_or_path")
        )
        configuration.kind = kind
        configuration.targetModules = nil
        configuration.members = reader.object
        return configuration
    }

    /// The file's content: as it was read, but for what belongs to one machine.
    var namedText: String {
        var object = members
        if object["base_model_name_or_path"]?.string != baseModel {
            object["base_model_name_or_path"] = baseModel.map(JSONValue.string) ?? .null
        }
        return JSONValue.object(object).pythonText
    }

    /// Keys that say where an adapter came from, how it was started or how it is trained, and not what its tensors mean.
    private static let incidental: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "d_initial", "inference_mode", "init_ia3_weights", "init_v_bound",
        "init_weights", "peft_version", "prompt_tuning_init", "prompt_tuning_init_text", "revision", "save_projection",
        "task_type", "tinylora_dropout", "tokenizer_kwargs", "tokenizer_name_or_path", "vera_dropout",
    ]

    /// Returns the first key, by name, with which two adapters of another kind than LoRA give the same tensors another
    /// meaning; `nil` where they go together.
    package func differingKey(from other: PEFTConfiguration) -> String? {
        if kind != other.kind { return "peft_type" }
        return Set(members.names).union(other.members.names).subtracting(Self.incidental).sorted().first { key in
            Self.comparable(members[key]) != Self.comparable(other.members[key])
        }
    }

    /// A value without what has no meaning in it: PEFT writes sets of names in any order, and leaves out what is not set.
    private static func comparable(_ value: JSONValue?) -> JSONValue {
        guard let names = value?.strings else { return value ?? .null }
        return .array(Set(names).sorted().map(JSONValue.string))
    }
}
