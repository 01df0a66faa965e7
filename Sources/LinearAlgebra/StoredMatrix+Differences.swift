extension StoredMatrix {
    /// Writes some of the elements, less those of another matrix, to `target`.
    ///
    /// - Parameters:
    ///   - elements: Which of them, counted row by row.
    ///   - start: As many elements as this has; `nil` for zeros.
    ///   - target: Where they are written.
    ///   - place: The element of `target` that the first is written to.
    package func write(
        _ elements: Range<Int>,
        less start: StoredMatrix?,
        to target: inout MutableSpan<Float>,
        at place: Int
    ) {
        precondition(place >= 0 && elements.count <= target.count - place, "\(elements) for \(target.count)")
        withElements { own in
            let own = own.extracting(elements)
            unsafe target.withUnsafeMutableBufferPointer { target in
                let part = unsafe UnsafeMutableBufferPointer(rebasing: target[place..<place + own.count])
                unsafe own.withUnsafeBufferPointer { _ = unsafe part.update(fromContentsOf: $0) }
                var differences = unsafe part.mutableSpan
                start?.withElements { Elementwise.add($0.extracting(elements), times: -1, to: &differences) }
            }
        }
    }
}
