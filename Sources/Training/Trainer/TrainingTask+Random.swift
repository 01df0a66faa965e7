import LinearAlgebra

extension TrainingTask {
    /// The random numbers of one purpose in one round of a client.
    func generator(_ purpose: UInt64, client: String) -> CounterGenerator {
        CounterGenerator(
            seed: seed,
            stream: [purpose, UInt64(truncatingIfNeeded: round), RandomStream.number(of: client)]
        )
    }

    /// Returns the held-out rows that an evaluation uses: the same ones in every round, so that rounds can be compared.
    package func evaluationRows(among rows: [Int], client: String) -> [Int] {
        guard let sample = evaluationSample, sample < rows.count else { return rows }
        var generator = CounterGenerator(
            seed: seed,
            stream: [RandomStream.sample, RandomStream.number(of: client)]
        )
        return Array(generator.shuffled(rows).prefix(max(sample, 0)))
    }
}
