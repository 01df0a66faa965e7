/// What a job says about robust rules, as in its `robust`.
package struct RobustSettings: Sendable, Hashable, Codable {
    /// `robust.rule`.
    package var rule: String
    /// `robust.byzantine`: f, how many clients may send anything.
    package var byzantine: Int?
    /// `robust.trim`: β, the share that a trimmed mean leaves out on either side.
    package var trim: Double?
    /// `robust.norm`: C, the length to which changes are shortened; `nil` for the median of the round's lengths.
    package var norm: Double?
    /// `robust.iterations`: how often a geometric median is improved.
    package var iterations: Int?

    /// Creates settings; `none` is no rule.
    package init(
        rule: String = "none",
        byzantine: Int? = nil,
        trim: Double? = nil,
        norm: Double? = nil,
        iterations: Int? = nil
    ) {
        self.rule = rule
        self.byzantine = byzantine
        self.trim = trim
        self.norm = norm
        self.iterations = iterations
    }
}
