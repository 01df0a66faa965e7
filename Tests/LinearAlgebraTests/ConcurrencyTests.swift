import LinearAlgebra
import Testing

struct ConcurrencyTests {
    struct Failed: Error, Equatable { let index: Int }

    @Test("returns results in order, whatever the number of threads", arguments: [1, 2, 8])
    func ordered(_ threads: Int) {
        let results = Concurrency.map(100, threads: threads) { outer in
            Concurrency.map(3, threads: threads) { outer * 10 + $0 }
        }
        #expect(results == (0..<100).map { [$0 * 10, $0 * 10 + 1, $0 * 10 + 2] })
    }

    @Test("reports the first failure by index", arguments: [1, 4])
    func firstFailure(_ threads: Int) {
        let error = #expect(throws: Failed.self) {
            try Concurrency.map(50, threads: threads) { index throws(Failed) in
                guard index % 20 != 7 else { throw Failed(index: index) }
                return index
            }
        }
        #expect(error == Failed(index: 7))
    }

    @Test("changes every element in place", arguments: [1, 3])
    func inPlace(_ threads: Int) {
        var lists = (0..<40).map { [$0] }
        Concurrency.forEach(in: &lists, threads: threads) { index, list in list.append(-index) }
        #expect(lists == (0..<40).map { [$0, -$0] })
    }
}
