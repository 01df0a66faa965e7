/// Which round is combined, for strategies whose result depends on it.
package struct RoundContext: Sendable, Hashable {
    /// Counts from 1.
    package let number: Int
    /// The job's seed: fresh factors are drawn from it.
    package let seed: UInt64
    /// N, among how many clients a round chooses, where control variates are kept for them (SCAFFOLD); else `nil`.
    package let population: Int?

    package init(number: Int, seed: UInt64 = 0, population: Int? = nil) {
        self.number = number
        self.seed = seed
        self.population = population
    }

    /// The first round of a job whose seed is 0: what adapters that are combined offline belong to.
    package static let first = RoundContext(number: 1)
}
