import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra

/// Writes what a trainer starts from into the folder of its request.
///
/// Nothing of it has to survive a crash, so nothing is synced.
enum TrainerAdapters {
    /// Writes `adapter` as PEFT directories.
    ///
    /// - Parameters:
    ///   - adapter: What the order hands out.
    ///   - assignment: What the job says of it.
    ///   - folder: The request's folder.
    /// - Returns: Where everything is.
    /// - Throws: ``ClientError/cannotWrite(path:reason:)``.
    static func write(
        _ adapter: LoRAAdapter,
        of assignment: Assignment,
        into folder: URL
    ) throws -> TrainerRequest.Paths {
        let start = folder.appendingPathComponent("adapter")
        try write(
            LoRAAdapter(modules: adapter.modules, savedTensors: adapter.savedTensors),
            configuration: try configuration(of: assignment, hasHead: !adapter.savedTensors.isEmpty),
            to: start
        )
        var paths = TrainerRequest.Paths(
            adapter: start.path,
            result: folder.appendingPathComponent("result").path
        )
        if !adapter.residual.isEmpty {
            let residual = folder.appendingPathComponent("residual")
            try write(
                LoRAAdapter(modules: adapter.residual),
                configuration: try configuration(of: assignment, hasHead: false),
                to: residual
            )
            paths.residual = residual.path
        }
        if !adapter.controls.isEmpty {
            let controls = folder.appendingPathComponent("controls.safetensors")
            let document = SafetensorsDocument(
                adapter.controls.map { name, tensor in
                    .init(name: "base_model.model.\(name)", shape: tensor.shape, elements: tensor.elements)
                }
            )
            try ScratchFile.write(Data(document.bytes()), to: controls)
            paths.controls = controls.path
        }
        return paths
    }

    private static func configuration(
        of assignment: Assignment,
        hasHead: Bool
    ) throws(AdapterError) -> PEFTConfiguration {
        let job = assignment.adapter
        if let start = job.start { return try start.parsed() }
        return PEFTConfiguration(
            rank: job.rank,
            alpha: job.alpha,
            targetModules: .names(job.targetModules),
            usesRankStabilizedScaling: job.usesRankStabilizedScaling,
            dropout: job.dropout,
            modulesToSave: hasHead ? job.modulesToSave : [],
            taskType: assignment.task == .causalLanguageModel ? "CAUSAL_LM" : "SEQ_CLS",
            baseModel: nil
        )
    }

    private static func write(_ adapter: LoRAAdapter, configuration: PEFTConfiguration, to folder: URL) throws {
        var configuration = configuration
        try configuration.describe(adapter, path: folder.path)
        do {
            try FileManager.default.createDirectory(
                at: folder,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw ClientError.cannotWrite(path: folder.path, reason: error.localizedDescription)
        }
        let tensors = Data(AdapterPayload.document(of: adapter).bytes())
        try ScratchFile.write(tensors, to: folder.appendingPathComponent(PEFTDirectory.tensorsFileName))
        try ScratchFile.write(
            Data(configuration.text.utf8),
            to: folder.appendingPathComponent(PEFTDirectory.configurationFileName)
        )
    }
}
