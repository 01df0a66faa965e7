/// One thing that goes wrong.
package struct Fault: Sendable {
    package let kind: FaultKind
    /// When, in nanoseconds since the simulation began.
    package let time: Int64
    /// For how long, where it does not last a moment.
    package let span: Int64
    /// Whom it concerns, where it concerns a client: an honest one, or of the hostile ones the one that does it.
    package let client: Int
    /// How much, in the kind's own measure: a count of changes, frames of a thousand, hours.
    package let amount: Int
}
