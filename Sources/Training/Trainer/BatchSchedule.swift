import FederatedLearning
import LinearAlgebra

/// Which rows each step of a local training sees.
///
/// Every epoch goes through all rows once in a new random order. Packed texts cost nothing for their differing lengths,
/// so batches need not be alike in length and stay as random as the order.
struct BatchSchedule: Sendable {
    let rows: [Int]
    let batchSize: Int
    /// How many steps there are in all.
    let stepCount: Int
    private let stepsPerEpoch: Int
    private var generator: CounterGenerator
    private var order: [Int] = []
    private var step = 0

    /// - Precondition: There are rows, and `batchSize` and `epochs` are positive.
    init(rows: [Int], batchSize: Int, epochs: Int, maximumSteps: Int?, generator: CounterGenerator) {
        precondition(!rows.isEmpty && batchSize > 0 && epochs > 0, "a schedule over nothing")
        self.rows = rows
        self.batchSize = batchSize
        self.generator = generator
        stepsPerEpoch = (rows.count - 1) / batchSize + 1
        stepCount = Self.stepCount(epochs: epochs, of: stepsPerEpoch, maximum: maximumSteps)
    }

    /// How many steps a training on so many rows has.
    ///
    /// - Precondition: There are rows, and batch size and epochs are positive.
    static func stepCount(of rows: Int, _ settings: JobConfiguration.Training) -> Int {
        let perEpoch = (rows - 1) / settings.batchSize + 1
        return stepCount(epochs: settings.epochs, of: perEpoch, maximum: settings.maximumSteps)
    }

    private static func stepCount(epochs: Int, of steps: Int, maximum: Int?) -> Int {
        let (all, overflows) = steps.multipliedReportingOverflow(by: epochs)
        return min(overflows ? .max : all, maximum ?? .max)
    }

    /// Returns the rows of the next step, or `nil` after the last; the last batch of an epoch may be smaller.
    mutating func next() -> [Int]? {
        guard step < stepCount else { return nil }
        let place = step % stepsPerEpoch
        if place == 0 { order = generator.shuffled(rows) }
        step += 1
        return Array(order[place * batchSize..<min((place + 1) * batchSize, order.count)])
    }
}
