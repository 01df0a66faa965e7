extension FactoredSum {
    /// Adds the terms of another sum of the same shape.
    package mutating func add(_ other: FactoredSum) {
        precondition(
            rows == other.rows && columns == other.columns,
            "\(other.rows)×\(other.columns) cannot be added to \(rows)×\(columns)"
        )
        for term in other.terms { add(term.b, term.a, coefficients: term.coefficients) }
    }

    /// Returns G as one product B·A, with as many components as come for free.
    ///
    /// The factors of all terms side by side, coefficients on B, without components that are zero; where they would be as
    /// wide as G, G itself by the identity. Nothing is factored: components that depend on each other stay.
    ///
    /// - Returns: B, rows×m, and A, m×columns, with m at most min(rows, columns); m is 0 for the zero matrix.
    /// - Complexity: O((rows + columns)·R), or O(rows·columns·R) where the stacks are as wide as G.
    package func stacked() -> (b: Matrix, a: Matrix) {
        let kept = terms.map { components(of: $0) }
        let width = kept.reduce(0) { $0 + $1.count }
        guard width < min(rows, columns) else {
            return rows <= columns ? (Matrix(identity: rows), dense()) : (dense(), Matrix(identity: columns))
        }
        var b = Matrix(rows: rows, columns: width)
        var a = Matrix(rows: width, columns: columns)
        var first = 0
        for (term, components) in zip(terms, kept) {
            let rank = term.coefficients.count
            term.b.withElements { source in
                b.withMutableElements { target in
                    for row in 0..<rows {
                        for (place, component) in components.enumerated() {
                            let scaled = term.coefficients[component] * Double(source[row * rank + component])
                            target[row * width + first + place] = Float(scaled)
                        }
                    }
                }
            }
            term.a.withElements { source in
                a.withMutableElements { target in
                    for (place, component) in components.enumerated() {
                        for column in 0..<columns {
                            target[(first + place) * columns + column] = source[component * columns + column]
                        }
                    }
                }
            }
            first += components.count
        }
        return (b, a)
    }

    /// The components of a term that are not zero.
    private func components(of term: Term) -> [Int] {
        let rank = term.coefficients.count
        var isZero = (b: [Bool](repeating: true, count: rank), a: [Bool](repeating: true, count: rank))
        term.b.withElements { b in
            for index in b.indices where b[index] != 0 { isZero.b[index % rank] = false }
        }
        term.a.withElements { a in
            for index in a.indices where a[index] != 0 { isZero.a[index / columns] = false }
        }
        return (0..<rank).filter { term.coefficients[$0] != 0 && !isZero.b[$0] && !isZero.a[$0] }
    }
}

extension Matrix {
    fileprivate init(identity size: Int) {
        self.init(rows: size, columns: size)
        for index in 0..<size { self[index, index] = 1 }
    }
}
