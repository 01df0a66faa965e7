package import Testing

extension Tag {
    /// Compares numbers with an independent reference.
    @Tag package static var numerics: Self
    /// Compares bytes with committed ones.
    @Tag package static var goldenBytes: Self
    /// Takes more than a second in an optimised build.
    @Tag package static var slow: Self
}
