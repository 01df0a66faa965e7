/// The content of `adapter_config.json`: how an adapter's tensors are to be understood.
///
/// The keys that matter here are typed; every other key is kept and written back as it was. Missing keys have PEFT's
/// defaults. Written as PEFT 0.21 writes it, byte for byte.
///
/// Of other kinds of adapters than LoRA only what all kinds have is typed: `modules_to_save`, `task_type` and
/// `base_model_name_or_path`.
package struct PEFTConfiguration: Sendable {
    /// One entry of `rank_pattern` or `alpha_pattern`.
    package struct Exception<Value: Sendable & Equatable>: Sendable, Equatable {
        /// A regular expression for the end of a module's path.
        package let pattern: String
        package let value: Value

        package init(pattern: String, value: Value) {
            self.pattern = pattern
            self.value = value
        }
    }

    /// `peft_type`, but for LoRA-XS, which is told by its tensors.
    package internal(set) var kind: AdapterKind
    /// `r`, the rank of every layer that `rankExceptions` does not name.
    package var rank: Int
    /// `lora_alpha`, for every layer that `alphaExceptions` does not name.
    package var alpha: Double
    /// `rank_pattern`, of which the first that matches counts.
    package var rankExceptions: [Exception<Int>]
    /// `alpha_pattern`, of which the first that matches counts.
    package var alphaExceptions: [Exception<Double>]
    /// `use_rslora`: whether layers scale by α/√r.
    package var usesRankStabilizedScaling: Bool
    package var dropout: Double
    /// `target_modules`; `nil` when the adapter names parameters instead.
    package var targetModules: TargetModules?
    /// `modules_to_save`: what is trained whole.
    package var modulesToSave: [String]
    /// `task_type`, such as `SEQ_CLS`.
    package var taskType: String?
    /// `base_model_name_or_path`, which holds a path of the machine that trained the adapter.
    package var baseModel: String?
    /// `use_dora`: whether layers also have a magnitude vector.
    package let usesMagnitudes: Bool
    /// `lora_bias`: whether B has a bias.
    package let usesFactorBias: Bool
    /// `init_lora_weights`, when it is a name: some of those ways of starting change the base model too.
    package let initialization: String?

    /// Whether the adapter's start changed the base model too, so that its factors mean nothing on another one.
    package var changesBaseModel: Bool {
        let changing = ["pissa", "corda", "olora", "loftq", "lora_ga"]
        guard let name = initialization?.lowercased() else { return false }
        return changing.contains { name.hasPrefix($0) }
    }

    /// `fan_in_fan_out`: whether the base model keeps the weights of its linear layers as in×out, as GPT-2's Conv1D does.
    var adaptsTransposedWeights: Bool { members["fan_in_fan_out"]?.bool ?? false }

    /// The file as it was read, or PEFT's defaults.
    var members: JSONObject

    /// Creates the configuration of a new adapter, with PEFT's defaults for everything else.
    package init(
        rank: Int,
        alpha: Double,
        targetModules: TargetModules,
        usesRankStabilizedScaling: Bool = false,
        dropout: Double = 0,
        modulesToSave: [String] = [],
        taskType: String? = nil,
        baseModel: String? = nil
    ) {
        self.kind = .lora
        self.rank = rank
        self.alpha = alpha
        self.rankExceptions = []
        self.alphaExceptions = []
        self.usesRankStabilizedScaling = usesRankStabilizedScaling
        self.dropout = dropout
        self.targetModules = targetModules
        self.modulesToSave = modulesToSave
        self.taskType = taskType
        self.baseModel = baseModel
        self.usesMagnitudes = false
        self.usesFactorBias = false
        self.initialization = nil
        self.members = Self.defaults
    }

    /// Reads the content of an `adapter_config.json`.
    ///
    /// - Parameters:
    ///   - bytes: The file's content.
    ///   - path: What messages call the file.
    /// - Throws: ``AdapterError`` that names the key which is wrong.
    package init(parsing bytes: Span<UInt8>, path: String) throws(AdapterError) {
        try self.init(JSONReader(parsing: bytes, path: path))
    }

    /// Reads the members of an `adapter_config.json`.
    init(_ reader: JSONReader) throws(AdapterError) {
        let path = reader.path
        guard let type = try reader.string("peft_type") else {
            throw .missingKey("peft_type", path: path)
        }
        guard let kind = AdapterKind(rawValue: type), kind != .loraXS else {
            let known = AdapterKind.allCases.filter { $0 != .loraXS }.map(\.rawValue)
            throw .unsupported(
                feature: "the method \(quoted(type))",
                path: path,
                advice: "Use an adapter with a `peft_type` of \(known.joined(separator: ", "))."
            )
        }
        guard kind == .lora else {
            self = try Self.named(kind, reader)
            return
        }
        self.kind = kind
        self.rank = try reader.count("r") ?? 8
        guard rank > 0 else { throw .invalidValue(key: "r", path: path, needed: "at least 1") }
        self.alpha = try reader.number("lora_alpha") ?? 8
        self.rankExceptions = try reader.members("rank_pattern", needed: "ranks by module, each at least 1") { value in
            value.integer.flatMap { $0 > 0 ? $0 : nil }
        }.map { .init(pattern: $0, value: $1) }
        self.alphaExceptions = try reader.members("alpha_pattern", needed: "numbers by module") { value in
            value.double
        }.map { .init(pattern: $0, value: $1) }
        self.usesRankStabilizedScaling = try reader.bool("use_rslora") ?? false
        self.dropout = try reader.number("lora_dropout") ?? 0
        self.targetModules =
            switch reader.object["target_modules"] {
            case nil, .null?: nil
            case .string(let expression)?: .expression(expression)
            case let value?:
                if let names = value.strings {
                    .names(names)
                } else {
                    throw .invalidValue(key: "target_modules", path: path, needed: "a list of names, or one expression")
                }
            }
        self.modulesToSave = try reader.strings("modules_to_save") ?? []
        self.taskType = try reader.string("task_type")
        self.baseModel = try reader.string("base_model_name_or_path")
        self.usesMagnitudes = try reader.bool("use_dora") ?? false
        self.usesFactorBias = try reader.bool("lora_bias") ?? false
        self.initialization = reader.object["init_lora_weights"]?.string
        self.members = reader.object
    }

    // MARK: - Writing

    /// The file's content.
    package var text: String {
        var object = members
        guard kind == .lora else { return namedText }
        /// Leaves a member as it is when it already says what is meant.
        func set(_ name: String, to value: JSONValue, unless isSaid: (JSONValue) -> Bool) {
            if let member = object[name], isSaid(member) { return }
            object[name] = value
        }
        set("r", to: .number(rank)) { $0.integer == rank }
        set("lora_alpha", to: Self.number(alpha)) { $0.double == alpha }
        set("rank_pattern", to: Self.object(rankExceptions, value: JSONValue.number)) { member in
            Self.exceptions(in: member, value: \.integer) == Self.sorted(rankExceptions)
        }
        set("alpha_pattern", to: Self.object(alphaExceptions, value: Self.number)) { member in
            Self.exceptions(in: member, value: \.double) == Self.sorted(alphaExceptions)
        }
        set("use_rslora", to: .bool(usesRankStabilizedScaling)) { $0.bool == usesRankStabilizedScaling }
        set("lora_dropout", to: .number(dropout)) { $0.double == dropout }
        set("modules_to_save", to: .array(modulesToSave.map(JSONValue.string))) { member in
            member == .null ? modulesToSave.isEmpty : member.strings == modulesToSave
        }
        set("task_type", to: taskType.map(JSONValue.string) ?? .null) { $0.string == taskType }
        set("base_model_name_or_path", to: baseModel.map(JSONValue.string) ?? .null) { $0.string == baseModel }
        switch targetModules {
        case nil: set("target_modules", to: .null) { $0 == .null }
        case .expression(let text): set("target_modules", to: .string(text)) { $0.string == text }
        case .names(let names): set("target_modules", to: .array(names.map(JSONValue.string))) { $0.strings == names }
        }
        return JSONValue.object(object).pythonText
    }

    /// PEFT's α is a whole number, and is written as one where it is.
    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map(JSONValue.number) ?? .number(value)
    }

    /// The writer sorts keys as PEFT does, and so the patterns are tried in that order by those who read them.
    static func sorted<Value>(_ exceptions: [Exception<Value>]) -> [Exception<Value>] {
        exceptions.sorted { $0.pattern.utf8.lexicographicallyPrecedes($1.pattern.utf8) }
    }

    private static func object<Value>(_ exceptions: [Exception<Value>], value: (Value) -> JSONValue) -> JSONValue {
        var object = JSONObject()
        for exception in exceptions { object[exception.pattern] = value(exception.value) }
        return .object(object)
    }

    private static func exceptions<Value: Equatable>(
        in member: JSONValue,
        value: (JSONValue) -> Value?
    ) -> [Exception<Value>]? {
        if member == .null { return [] }
        let members = member.object?.members ?? []
        return sorted(
            members.compactMap { member in value(member.value).map { .init(pattern: member.name, value: $0) } }
        )
    }

    /// What PEFT 0.21.2 writes for a `LoraConfig` of which nothing was set.
    private static let defaults: JSONObject = {
        var object = JSONObject()
        let nulls = [
            "alora_invocation_tokens", "arrow_config", "auto_mapping", "base_model_name_or_path", "corda_config",
            "eva_config", "exclude_modules", "kasa_config", "layer_replication", "layers_pattern",
            "layers_to_transform", "lora_ga_config", "megatron_config", "modules_to_save", "monteclora_config",
            "revision", "target_modules", "target_parameters", "task_type", "trainable_token_indices", "use_bdlora",
            "velora_config",
        ]
        for name in nulls { object[name] = .null }
        let switches = [
            "ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora", "use_rslora",
        ]
        for name in switches { object[name] = .bool(false) }
        for name in ["alpha_pattern", "loftq_config", "rank_pattern"] { object[name] = .object(JSONObject()) }
        object["bias"] = .string("none")
        object["inference_mode"] = .bool(true)
        object["init_lora_weights"] = .bool(true)
        object["lora_dropout"] = .number(0.0)
        object["megatron_core"] = .string("megatron.core")
        object["peft_type"] = .string("LORA")
        object["peft_version"] = .string("0.21.2")
        object["qalora_group_size"] = .number(16)
        return object
    }()
}
