import Adapters

/// Reads a configuration, writes it, and reads it again.
enum AdapterConfigurationFuzzing {
    static func run(_ bytes: [UInt8]) {
        guard let configuration = try? PEFTConfiguration(parsing: bytes.span, path: "input") else { return }
        let text = Array(configuration.text.utf8)
        guard let again = try? PEFTConfiguration(parsing: text.span, path: "input") else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again.rank == configuration.rank && again.alpha == configuration.alpha, "another rank or alpha")
        precondition(Array(again.text.utf8) == text, "written twice, and differently")
    }
}
