/// One step of a server optimizer over one tensor.
///
/// Computed in 64 bits a coordinate; values and moments are kept in 32, like the adapter itself, so a step that was
/// interrupted and one that was not continue from the same bits.
struct TensorStep: Sendable {
    /// x, then the next x.
    var values: [Float]
    /// m.
    var first: [Float]
    /// v; empty where the optimizer has none.
    var second: [Float]

    /// Takes the step towards `aggregate`, which has as many elements as x.
    mutating func take(towards aggregate: Span<Float>, by optimizer: ServerOptimizer) {
        precondition(aggregate.count == values.count && first.count == values.count, "the tensors differ in length")
        let rate = optimizer.learningRate
        switch optimizer.rule {
        case .momentum(let beta):
            for index in values.indices {
                let x = Double(values[index])
                let m = beta * Double(first[index]) + (Double(aggregate[index]) - x)
                first[index] = Float(m)
                values[index] = Float(x + rate * m)
            }
        case .adaptive(let moment, let beta1, let beta2, let tau):
            precondition(second.count == values.count, "the tensors differ in length")
            for index in values.indices {
                let x = Double(values[index])
                let change = Double(aggregate[index]) - x
                let m = beta1 * Double(first[index]) + (1 - beta1) * change
                let v = moment.next(Double(second[index]), change: change, beta2: beta2)
                first[index] = Float(m)
                second[index] = Float(v)
                values[index] = Float(x + rate * m / (v.squareRoot() + tau))
            }
        }
    }
}
