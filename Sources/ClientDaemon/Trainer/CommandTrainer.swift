package import Adapters
private import Aggregation
package import FederatedLearning
package import Foundation
package import Logging

/// Trains and evaluates through a program of the data steward's choice.
///
/// The program stays resident between calls, and loads the base model once (``TrainerHost``). It is told paths, settings
/// and labels, and nothing of the federation: no key, no address and no name of a peer.
package struct CommandTrainer: LocalTrainer {
    private let host: TrainerHost
    private let folder: TrainerFolder
    private let model: URL
    private let data: URL
    private let client: String
    private let retries: Int
    private let logger: Logger

    /// Creates a trainer of one base model.
    ///
    /// - Parameters:
    ///   - host: Keeps the program's process.
    ///   - folder: Where the program works.
    ///   - model: The directory of the base model, whose digest was compared.
    ///   - data: The silo's data file.
    ///   - client: The client's name, which the seeds depend on.
    ///   - retries: How often work is begun again that the program did not live to finish.
    ///   - logger: Where such attempts are told of.
    package init(
        host: TrainerHost,
        folder: TrainerFolder,
        model: URL,
        data: URL,
        client: String,
        retries: Int,
        logger: Logger
    ) {
        self.host = host
        self.folder = folder
        self.model = model
        self.data = data
        self.client = client
        self.retries = retries
        self.logger = logger
    }

    @concurrent
    package func train(
        _ adapter: LoRAAdapter,
        for order: WorkOrder,
        progress: @escaping @Sendable (TrainingProgress) -> Void
    ) async throws -> TrainingOutcome {
        if order.assignment.privacy?.mechanism == .exampleLevel {
            throw TrainerError.unsuitableOrder(
                reason: "the job protects single examples, and nothing shows that the noise was added."
            )
        }
        let start = ContinuousClock.now
        return try await attempt(order, with: adapter, progress: progress) { answer, request in
            guard case .trained(let reply) = answer else { return nil }
            let trained = try result(reply, of: request, like: adapter, order: order)
            var metrics = reply.metrics
            if metrics["seconds"] == nil { metrics["seconds"] = (ContinuousClock.now - start) / .seconds(1) }
            if metrics["steps"] == nil { metrics["steps"] = Double(reply.steps) }
            return TrainingOutcome(
                adapter: trained,
                exampleCount: reply.examples,
                metrics: metrics,
                stepCount: reply.steps
            )
        }
    }

    @concurrent
    package func evaluate(_ adapter: LoRAAdapter, for order: WorkOrder) async throws -> EvaluationReport {
        try await attempt(order, with: adapter, progress: { _ in }) { answer, _ in
            guard case .evaluated(let report) = answer else { return nil }
            return report
        }
    }

    // MARK: - Attempts

    /// Has an order worked, as often as it takes and the steward allows.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - adapter: What it starts from.
    ///   - progress: Called with the trainer's progress.
    ///   - read: Makes of the trainer's answer what the order asks for, or `nil` of one of another kind.
    /// - Returns: What the order asks for.
    /// - Throws: ``TrainerError`` of the last attempt; `CancellationError`.
    private func attempt<Outcome>(
        _ order: WorkOrder,
        with adapter: LoRAAdapter,
        progress: @escaping @Sendable (TrainingProgress) -> Void,
        read: (TrainerAnswer, URL) throws -> Outcome?
    ) async throws -> Outcome {
        guard adapter.modules.values.allSatisfy({ $0.core == nil }) else {
            throw TrainerError.unsuitableOrder(
                reason: "the strategy trains cores between the factors, which PEFT has not."
            )
        }
        var attempt = 0
        while true {
            do {
                return try await tryOnce(order, with: adapter, progress: progress, read: read)
            } catch let error as TrainerError where error.mayRetry && attempt < retries && !Task.isCancelled {
                attempt += 1
                logger.warning(
                    "The trainer's work is begun again",
                    metadata: ["attempt": "\(attempt + 1) of \(retries + 1)", "problem": "\(error)"]
                )
            }
        }
    }

    private func tryOnce<Outcome>(
        _ order: WorkOrder,
        with adapter: LoRAAdapter,
        progress: @escaping @Sendable (TrainingProgress) -> Void,
        read: (TrainerAnswer, URL) throws -> Outcome?
    ) async throws -> Outcome {
        let capabilities = try await host.ready()
        let lacking = TrainerFeature.needed(for: order, residual: !adapter.residual.isEmpty)
            .filter { !capabilities.features.contains($0) }
        guard lacking.isEmpty else { throw TrainerError.lacksFeatures(lacking) }
        let request = try folder.createRequest("\(order.id.kind.rawValue)-\(order.id.round)")
        defer { folder.removeRequest(request) }
        let paths = try TrainerAdapters.write(adapter, of: order.assignment, into: request)
        let answer = try await host.ask(
            { id in
                TrainerRequest(id: id, order: order, model: model, data: data, client: client, paths: paths)
            },
            progress: progress
        )
        try Task.checkCancellation()
        switch answer {
        case .failed(let error): throw error
        case .cancelled: throw CancellationError()
        case .trained, .evaluated: break
        }
        guard let outcome = try read(answer, request) else {
            preconditionFailure("the conversation let an answer of another kind pass")
        }
        return outcome
    }

    // MARK: - Results

    /// Reads the trained adapter, and checks that what is frozen has stayed as it was.
    private func result(
        _ reply: TrainerMessage.TrainedReply,
        of request: URL,
        like handed: LoRAAdapter,
        order: WorkOrder
    ) throws -> LoRAAdapter {
        // Twice the width of a float, and room for names and whatever else was saved.
        let handedBytes = AdapterPayload.document(of: handed).byteCount
        let start = try order.assignment.adapter.start?.parsed()
        let directory = try folder.takeResult(
            at: reply.adapter,
            of: request,
            tensorBytes: 2 * handedBytes + 1 << 20,
            kinds: [start?.kind ?? .lora]
        )
        if let start { try check(directory, against: start, like: handed) }
        let trained = order.assignment.rules.scope.trained
        for (path, module) in handed.modules.sorted(by: { $0.key < $1.key }) {
            guard let result = directory.adapter.modules[path] else { continue }
            let changed =
                !trained.includesA && result.a != module.a
                ? "A" : !trained.includesB && result.b != module.b ? "B" : nil
            if let changed {
                throw TrainerError.unusableResult(
                    problem: "factor \(changed) of '\(path)' has changed, which this round keeps frozen. See `trained`."
                )
            }
        }
        return directory.adapter
    }

    /// Checks that the tensors of an adapter of another kind than LoRA mean what those that were handed out do.
    private func check(_ result: PEFTDirectory, against start: PEFTConfiguration, like handed: LoRAAdapter) throws {
        if let key = result.configuration.differingKey(from: start) {
            throw TrainerError.unusableResult(
                problem: "its adapter_config.json has another '\(key)' than the one that was handed out."
            )
        }
        for (name, tensor) in handed.savedTensors.sorted(by: { $0.key < $1.key })
        where start.kind.isFrozen(name) && result.adapter.savedTensors[name] != tensor {
            throw TrainerError.unusableResult(problem: "'\(name)' has changed, which nobody trains.")
        }
    }
}
