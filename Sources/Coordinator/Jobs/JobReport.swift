private import Aggregation
import FederatedLearning

/// A job and what each of its rounds came to, as `job wait` and `job status` show it.
package struct JobReport: Hashable, Sendable, Codable {
    package let summary: JobSummary
    /// Round 0 is the evaluation of the initial adapter; then every committed round.
    package let rounds: [RoundReport]
    /// What travelled between the server and each client, by client.
    package let traffic: [String: Traffic]

    /// The rounds whose every figure is known, from the first on.
    package var completeRounds: ArraySlice<RoundReport> { rounds.prefix { $0.isComplete } }

    /// The latest report that holds an evaluation, and the first one.
    package var evaluations: (before: RoundReport, after: RoundReport)? {
        let evaluated = rounds.filter { !$0.silos.isEmpty }
        guard let before = evaluated.first, let after = evaluated.last, before.number < after.number else { return nil }
        return (before, after)
    }
}

/// Payload bytes, retransmissions included.
package struct Traffic: Hashable, Sendable, Codable {
    /// From the client to the server.
    package var up: UInt64 = 0
    /// From the server to the client.
    package var down: UInt64 = 0
}

/// What one round came to.
package struct RoundReport: Hashable, Sendable, Codable {
    package let number: Int
    /// The clients whose updates count, by name.
    package let clients: [String]
    /// The mean training loss, weighted by examples.
    package let trainingLoss: Double?
    /// What the adapter that the round left reached on the held-out examples of each silo.
    package let silos: [String: Figures]
    /// The same over all silos, weighted by held-out examples.
    package let overall: Figures
    package let traffic: Traffic
    /// From the opening of the round, or its resumption, until its result was there.
    package let seconds: Double?
    /// ε of the job up to this round; `nil` where nothing is charged.
    package let epsilon: Double?
    /// Whether nothing is to come any more.
    package let isComplete: Bool

    /// Held-out figures; absent when they were not measured.
    package struct Figures: Hashable, Sendable, Codable {
        package var accuracy: Double?
        package var loss: Double?
    }
}

// MARK: - From the tables

extension JobReport {
    /// Puts a report together.
    ///
    /// `evaluatedRound` is the latest round whose evaluation is over; `clients` are those whose updates count, by round.
    init(
        summary: JobSummary,
        configuration: JobConfiguration,
        evaluatedRound: Int?,
        clients: [Int: [String]],
        measurements: [Measurement]
    ) {
        var traffic: [String: Traffic] = [:]
        for measurement in measurements {
            guard let client = measurement.client?.rawValue else { continue }
            traffic[client, default: Traffic()].add(measurement)
        }
        let byRound = Dictionary(grouping: measurements, by: \.round)
        let isOver = summary.phase.isFinal
        self.init(
            summary: summary,
            rounds: byRound.filter { $0.key <= summary.committedRounds }.sorted { $0.key < $1.key }.map {
                number,
                figures in
                RoundReport(
                    number: number,
                    clients: clients[number, default: []],
                    isComplete: isOver || !configuration.evaluates(after: number) || number <= evaluatedRound ?? -1,
                    measurements: figures
                )
            },
            traffic: traffic
        )
    }
}

extension RoundReport {
    init(number: Int, clients: [String], isComplete: Bool, measurements: [Measurement]) {
        // The figures of the whole cohort are those of the client without a name.
        var figures: [String: [String: [String: Double]]] = [:]
        var traffic = Traffic()
        for measurement in measurements {
            let client = measurement.client?.rawValue ?? ""
            figures[measurement.phase, default: [:]][client, default: [:]][measurement.name] = measurement.value
            if !client.isEmpty { traffic.add(measurement) }
        }
        let training = figures[MeasurementNames.train, default: [:]]
        var evaluation = figures[MeasurementNames.evaluate, default: [:]].mapValues(Figures.init)
        let overall = evaluation.removeValue(forKey: "") ?? Figures()
        self.init(
            number: number,
            clients: clients,
            trainingLoss: Self.mean(MeasurementNames.loss, of: clients.compactMap { training[$0] }),
            silos: evaluation,
            overall: overall,
            traffic: traffic,
            seconds: figures[MeasurementNames.round]?[""]?[MeasurementNames.seconds],
            epsilon: figures[MeasurementNames.round]?[""]?[MeasurementNames.epsilon],
            isComplete: isComplete
        )
    }

    /// The mean of one figure over clients, weighted by their numbers of examples.
    private static func mean(_ name: String, of clients: some Collection<[String: Double]>) -> Double? {
        var (sum, weight) = (0.0, 0.0)
        for figures in clients {
            guard let value = figures[name], let count = figures[MeasurementNames.examples], count > 0 else { continue }
            sum += value * count
            weight += count
        }
        return weight > 0 ? sum / weight : nil
    }
}

extension RoundReport.Figures {
    fileprivate init(_ named: [String: Double]) {
        self.init(accuracy: named[MeasurementNames.accuracy], loss: named[MeasurementNames.loss])
    }
}

extension Traffic {
    fileprivate mutating func add(_ measurement: Measurement) {
        switch measurement.name {
        case MeasurementNames.bytesUp: up &+= UInt64(exactly: measurement.value) ?? 0
        case MeasurementNames.bytesDown: down &+= UInt64(exactly: measurement.value) ?? 0
        default: break
        }
    }
}
