import LinearAlgebra
import Testing

@testable import Training

@Suite("Batch schedule")
struct BatchScheduleTests {
    private func steps(rows: Int, batchSize: Int, epochs: Int, maximum: Int? = nil, seed: UInt64 = 1) -> [[Int]] {
        var schedule = BatchSchedule(
            rows: Array(100..<100 + rows),
            batchSize: batchSize,
            epochs: epochs,
            maximumSteps: maximum,
            generator: CounterGenerator(seed: seed)
        )
        var steps: [[Int]] = []
        while let step = schedule.next() { steps.append(step) }
        #expect(steps.count == schedule.stepCount)
        return steps
    }

    @Test("sees every row once an epoch, each time in another order, with a smaller last batch")
    func epochs() {
        let steps = steps(rows: 10, batchSize: 4, epochs: 3)
        #expect(steps.map(\.count) == [4, 4, 2, 4, 4, 2, 4, 4, 2])
        let orders = (0..<3).map { Array(steps[$0 * 3..<$0 * 3 + 3].joined()) }
        #expect(orders.allSatisfy { $0.sorted() == Array(100..<110) })
        #expect(Set(orders).count == 3)
    }

    @Test("stops after so many steps, in the middle of an epoch or of the tenth")
    func maximum() {
        #expect(steps(rows: 10, batchSize: 4, epochs: 1, maximum: 2).count == 2)
        #expect(steps(rows: 10, batchSize: 4, epochs: .max, maximum: 28).count == 28)
        #expect(steps(rows: 3, batchSize: 16, epochs: 1).map(\.count) == [3])
    }

    @Test("follows from the generator alone")
    func seeds() {
        #expect(steps(rows: 50, batchSize: 8, epochs: 2) == steps(rows: 50, batchSize: 8, epochs: 2))
        #expect(steps(rows: 50, batchSize: 8, epochs: 2) != steps(rows: 50, batchSize: 8, epochs: 2, seed: 2))
    }

    @Test("shuffles without preference: every element reaches every place about as often")
    func fairness() {
        var generator = CounterGenerator(seed: 4)
        var counts = [[Int]](repeating: [Int](repeating: 0, count: 5), count: 5)
        for _ in 0..<10_000 {
            for (place, element) in generator.shuffled([0, 1, 2, 3, 4]).enumerated() {
                counts[place][element] += 1
            }
        }
        // Five standard deviations of a binomial count with p = 1/5.
        let bound = 5 * (10_000 * 0.2 * 0.8).squareRoot()
        #expect(counts.joined().allSatisfy { abs(Double($0) - 2000) < bound })
    }
}
