import LinearAlgebra

extension [Float] {
    /// Makes the array `count` long; what it held is of no interest.
    ///
    /// Buffers that are used again and again grow to the largest size asked for and keep their storage, so a steady state
    /// allocates nothing.
    mutating func resize(to count: Int) {
        if count < self.count {
            removeLast(self.count - count)
        } else if count > self.count {
            if count > capacity { self = [] }
            append(contentsOf: repeatElement(0, count: count - self.count))
        }
    }

    /// Becomes a copy of `other` in storage of its own.
    mutating func copy(_ other: [Float]) {
        resize(to: other.count)
        var span = mutableSpan
        span.copy(other.span)
    }

    /// Replaces the elements in `range` by as many of `source`, from `first` on.
    mutating func replace(_ range: Range<Int>, with source: [Float], from first: Int = 0) {
        var span = mutableSpan
        span.withElements(in: range) { $0.copy(source.span.extracting(first..<first + range.count)) }
    }

    /// Sets every element to zero.
    mutating func clear() {
        var span = mutableSpan
        span.update(repeating: 0)
    }

    /// Adds another array of the same length.
    mutating func add(_ other: [Float]) {
        var span = mutableSpan
        Elementwise.add(other.span, to: &span)
    }

    /// Copies elements over those that start at `index`, in place.
    mutating func copy(_ elements: ArraySlice<Float>, to index: Int) {
        var span = mutableSpan
        span.withElements(in: index..<index + elements.count) { target in
            let source = elements.span
            for place in target.indices { target[place] = source[place] }
        }
    }
}
