import AdapterTools
import Adapters
import Foundation

/// What `adapter info` prints: the configuration in short, and the layers.
struct AdapterSummary: Encodable {
    let baseModel: String?
    let rank: Int
    let alpha: Double
    let usesRankStabilizedScaling: Bool
    let usesMagnitudes: Bool
    let taskType: String?
    let modulesToSave: [String]
    let bytes: UInt64
    let inspection: AdapterInspection

    private enum CodingKeys: String, CodingKey {
        case baseModel = "base_model"
        case rank = "r"
        case alpha = "lora_alpha"
        case usesRankStabilizedScaling = "use_rslora"
        case usesMagnitudes = "use_dora"
        case taskType = "task_type"
        case modulesToSave = "modules_to_save"
        case bytes
    }

    init(_ directory: PEFTDirectory, _ inspection: AdapterInspection, at url: URL) {
        let configuration = directory.configuration
        baseModel = configuration.baseModel
        rank = configuration.rank
        alpha = configuration.alpha
        usesRankStabilizedScaling = configuration.usesRankStabilizedScaling
        usesMagnitudes = configuration.usesMagnitudes
        taskType = configuration.taskType
        modulesToSave = configuration.modulesToSave
        let file = url.appendingPathComponent(PEFTDirectory.tensorsFileName).path
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        bytes = (attributes?[.size] as? NSNumber)?.uint64Value ?? 0
        self.inspection = inspection
    }

    /// The configuration's keys, and beside them those of the layers.
    func encode(to encoder: any Encoder) throws {
        try inspection.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(baseModel, forKey: .baseModel)
        try container.encode(rank, forKey: .rank)
        try container.encode(alpha, forKey: .alpha)
        try container.encode(usesRankStabilizedScaling, forKey: .usesRankStabilizedScaling)
        try container.encode(usesMagnitudes, forKey: .usesMagnitudes)
        try container.encode(taskType, forKey: .taskType)
        try container.encode(modulesToSave, forKey: .modulesToSave)
        try container.encode(bytes, forKey: .bytes)
    }

    /// The same for people.
    var lines: [String] {
        let scaling = usesRankStabilizedScaling ? "alpha/√r (rsLoRA)" : "alpha/r"
        let ranks = Set(inspection.layers.map(\.rank)).sorted().map(String.init).joined(separator: ", ")
        var lines = [
            "base model  \(baseModel ?? "–")",
            "task        \(taskType ?? "–")",
            "layers      \(inspection.layers.count), rank \(ranks), alpha \(Printed.short(alpha)), scale \(scaling)",
            "size        \(inspection.parameterCount) numbers, \(Printed.bytes(bytes))",
        ]
        if usesMagnitudes { lines.append("DoRA        magnitudes are saved too; ΔW below is the low-rank part alone") }
        return lines
    }
}
