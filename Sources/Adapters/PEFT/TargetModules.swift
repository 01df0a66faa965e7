/// Which linear layers an adapter adapts: PEFT's `target_modules`.
package enum TargetModules: Sendable {
    /// The ends of module paths, such as `query`. A set, kept in the order of the file.
    case names([String])
    /// A regular expression for whole paths.
    case expression(String)

    /// The shorthand that PEFT replaces by the names of a model's linear layers.
    package static let allLinear = TargetModules.expression("all-linear")

    /// Returns the paths that are targeted, in their order, and the names that target none of them.
    ///
    /// A name targets the path that equals it and those that end with a point and it; an expression targets the paths
    /// that it matches whole (`check_target_module_exists` in `peft/tuners/tuners_utils.py`).
    ///
    /// - Throws: ``AdapterError/invalidPattern(_:key:)`` when the expression is none.
    package func select(from paths: [String]) throws(AdapterError) -> (targeted: [String], unmatched: [String]) {
        switch self {
        case .names(let names):
            let isTarget = { (name: String, path: String) in path == name || path.hasSuffix("." + name) }
            let targeted = paths.filter { path in names.contains { isTarget($0, path) } }
            return (targeted, names.filter { name in !paths.contains { isTarget(name, $0) } })
        case .expression("all-linear"):
            return (paths, [])
        case .expression(let text):
            let expression: Regex<AnyRegexOutput>
            do {
                expression = try Regex(text)
            } catch {
                throw .invalidPattern(text, key: "target_modules")
            }
            let targeted = paths.filter { ((try? expression.wholeMatch(in: $0)) ?? nil) != nil }
            return (targeted, targeted.isEmpty ? [text] : [])
        }
    }
}

extension TargetModules: Equatable {
    package static func == (left: TargetModules, right: TargetModules) -> Bool {
        switch (left, right) {
        case (.names(let left), .names(let right)): Set(left) == Set(right)
        case (.expression(let left), .expression(let right)): left == right
        default: false
        }
    }
}
