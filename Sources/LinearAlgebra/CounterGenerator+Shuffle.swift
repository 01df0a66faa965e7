extension CounterGenerator {
    /// Returns a whole number in 0..<bound.
    package mutating func index(below bound: Int) -> Int { Int(uniform() * Double(bound)) }

    /// Returns `elements` in a random order.
    ///
    /// Fisher and Yates' shuffle, spelled out because the standard library's may draw differently in another version.
    ///
    /// - Complexity: O(n).
    package mutating func shuffled<Element>(_ elements: some Sequence<Element>) -> [Element] {
        var elements = Array(elements)
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, index(below: last + 1))
        }
        return elements
    }
}
