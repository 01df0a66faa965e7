/// What is exported under one name: its kind, what it means, and a value for each set of labels.
struct MetricFamily {
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// A name and its values, as they stand between braces.
    struct Labels: Hashable, Comparable {
        let pairs: [(name: String, value: String)]

        init(_ pairs: [(String, String)] = []) {
            self.pairs = pairs.map { (name: $0.0, value: $0.1) }.sorted { $0.name < $1.name }
        }

        /// The same with another label.
        func adding(_ name: String, _ value: String) -> Labels {
            Labels(pairs.map { ($0.name, $0.value) } + [(name, value)])
        }

        /// `{name="value",…}`, or nothing.
        var text: String {
            guard !pairs.isEmpty else { return "" }
            return "{\(pairs.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ","))}"
        }

        private static func escaped(_ value: String) -> String {
            value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        }

        static func == (a: Labels, b: Labels) -> Bool { a.text == b.text }
        static func < (a: Labels, b: Labels) -> Bool { a.text < b.text }
        func hash(into hasher: inout Hasher) { hasher.combine(text) }
    }

    let name: String
    let kind: Kind
    let help: String
    /// Sorted by labels.
    let samples: [(suffix: String, labels: Labels, value: Double)]

    /// A family of plain values.
    init(_ name: String, _ kind: Kind, _ help: String, _ values: [(Labels, Double)]) {
        self.init(name, kind, help, samples: values.sorted { $0.0 < $1.0 }.map { ("", $0.0, $0.1) })
    }

    init(_ name: String, _ kind: Kind, _ help: String, samples: [(suffix: String, labels: Labels, value: Double)]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// The family in Prometheus's text format 0.0.4.
    var text: String {
        var text = "# HELP \(name) \(help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n"))\n"
        text += "# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples { text += "\(name)\(sample.suffix)\(sample.labels.text) \(Self.number(sample.value))\n" }
        return text
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
