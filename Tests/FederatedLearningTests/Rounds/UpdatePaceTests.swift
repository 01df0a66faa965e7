import FederatedLearning
import Testing

struct UpdatePaceTests {
    private func pace(_ seconds: [Double], factor: Double = 4) -> UpdatePace {
        var pace = UpdatePace(factor: factor)
        for value in seconds { pace.record(.seconds(value)) }
        return pace
    }

    @Test("has no patience to tell before five updates are in")
    func tooFew() {
        #expect(pace([1, 2, 3, 4]).patience == nil)
        #expect(pace([1, 2, 3, 4, 5]).patience != nil)
    }

    @Test("is median + k·MAD")
    func formula() {
        // The median is 12, and the distances from it are 2, 1, 0, 1, 8: their median is 1.
        #expect(pace([10, 11, 12, 13, 20]).patience == .seconds(12 + 4 * 1))
        // Of an even number, the mean of the two in the middle: 11.5, and distances 1.5, 0.5, 0.5, 1.5, 8.5, 0.5.
        #expect(pace([10, 11, 12, 13, 20, 11], factor: 2).patience == .seconds(11.5 + 2 * 1))
    }

    @Test("is moved by no single straggler")
    func straggler() {
        #expect(pace([10, 11, 12, 13, 20]).patience == pace([10, 11, 12, 13, 86_400]).patience)
    }

    @Test("leaves a little room where all are equally quick")
    func equal() {
        #expect(pace([10, 10, 10, 10, 10]).patience == .seconds(10 + 4 * 0.5))
    }

    @Test("forgets what was long ago")
    func memory() {
        let old = Array(repeating: 1.0, count: 300)
        let new = Array(repeating: 100.0, count: UpdatePace.memory)
        #expect(pace(old + new).patience == pace(new).patience)
    }
}
