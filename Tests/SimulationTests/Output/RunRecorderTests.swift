import Adapters
import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Testing

@testable import Simulation

@Suite("The recorder of a run")
struct RunRecorderTests {
    private func work(of client: ClientID, _ event: ClientRecord.Event, loss: Double? = nil) -> ClientRecord {
        ClientRecord(
            round: 0,
            client: client,
            event: event,
            rank: 4,
            examples: 10,
            steps: 2,
            trainingLoss: loss,
            start: .zero,
            end: .zero,
            bytesUp: 30,
            bytesDown: 20
        )
    }

    /// Records two rounds, of which none is evaluated; by two recorders, of which one goes on for the other.
    private func record(in folder: URL, isInterrupted: Bool) throws -> RunRecorder.Totals {
        let clock = VirtualClock()
        var recorder = try RunRecorder(in: folder, clock: clock, rounds: 2)
        recorder.began(with: .sample())
        recorder.measured([
            FederatedLearning.Measurement(
                round: 1,
                client: nil,
                phase: "round",
                name: SiloStanding.epsilonName,
                value: 0.5
            )
        ])
        recorder.append(work(of: "a", .trained, loss: 0.5))
        recorder.committed(round: 1, global: .sample(fillsB: true))
        recorder.append(work(of: "b", .trained, loss: 0.25))
        recorder.append(work(of: "c", .failed))
        if isInterrupted {
            let saved = try JSONEncoder().encode(recorder.flush())
            recorder.append(work(of: "d", .trained, loss: 9))
            recorder.committed(round: 2, global: .sample())
            _ = try recorder.flush()
            recorder = try RunRecorder(
                in: folder,
                clock: clock,
                rounds: 2,
                resuming: JSONDecoder().decode(RunRecorder.Saved.self, from: saved)
            )
        }
        recorder.append(work(of: "e", .trained, loss: 0.75))
        recorder.committed(round: 2, global: .sample(fillsB: true))
        recorder.finish()
        _ = try recorder.flush()
        return recorder.totals
    }

    @Test("loses neither the line that waits for figures nor what was done since")
    func resumption() async throws {
        try await withTemporaryDirectory { folder in
            let (whole, parts) = (folder.appendingPathComponent("whole"), folder.appendingPathComponent("parts"))
            for target in [whole, parts] {
                try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            }
            let expected = try record(in: whole, isInterrupted: false)
            let totals = try record(in: parts, isInterrupted: true)
            let output = try RunOutput(parts)
            #expect(output.rounds.texts("clients") == ["0", "1", "2"])
            #expect(output.rounds.texts("failed") == ["0", "0", "1"])
            #expect(output.rounds.texts("training_loss") == ["", "0.5", "0.5"])
            #expect(output.rounds.texts("epsilon") == ["", "0.5", "0.5"])
            #expect(try output.roundsWithoutSeconds == RunOutput(whole).roundsWithoutSeconds)
            #expect(try output.clients.rows == RunOutput(whole).clients.rows)
            #expect(totals.bytesUp == 120 && totals.bytesUp == expected.bytesUp)
            #expect(totals.visits == 4 && totals.steps == expected.steps)
        }
    }

    @Test("keeps figures that are no numbers out of the tables and the saved state")
    func notNumbers() async throws {
        try await withTemporaryDirectory { folder in
            let recorder = try RunRecorder(in: folder, clock: VirtualClock(), rounds: 1)
            recorder.began(with: .sample())
            let figures: [String: Double] = ["loss": .nan, "perplexity": .infinity, "accuracy": 0.5]
            recorder.judged(round: 0, pooled: EvaluationReport(exampleCount: 8, metrics: figures))
            let means: [(name: String, value: Double)] = [("examples", 8), ("loss", 2), ("accuracy", 0.25)]
            recorder.measured(
                means.map {
                    FederatedLearning.Measurement(
                        round: 0,
                        client: nil,
                        phase: "evaluate",
                        name: $0.name,
                        value: $0.value
                    )
                }
            )
            recorder.evaluated(round: 0)
            let saved = try recorder.flush()
            #expect(saved.totals.last?.loss == 2 && saved.totals.last?.accuracy == 0.5)
            #expect(saved.totals.last?.perplexity == nil)
            #expect(throws: Never.self) { try JSONEncoder().encode(saved) }
        }
    }
}
