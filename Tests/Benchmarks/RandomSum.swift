import LinearAlgebra

extension FactoredSum {
    /// The mean of clients' products of one square layer, of normal deviates: the flattest spectrum there is.
    static func random(size: Int, clients: Int, rank: Int) -> FactoredSum {
        let factors = Concurrency.map(clients) { client in
            var generator = CounterGenerator(seed: 3, stream: UInt64(client))
            let b = Matrix(
                rows: size,
                columns: rank,
                elements: (0..<size * rank).map { _ in Float(generator.gaussian()) }
            )
            let a = Matrix(
                rows: rank,
                columns: size,
                elements: (0..<rank * size).map { _ in Float(generator.gaussian()) }
            )
            return (b, a)
        }
        var sum = FactoredSum(rows: size, columns: size)
        for (b, a) in factors {
            sum.add(b, a, coefficient: 1 / Double(clients))
        }
        return sum
    }
}
