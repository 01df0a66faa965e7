import Adapters
import ArgumentParser
import Foundation

struct AdapterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapter",
        abstract: "Look at trained adapters, compare, merge and convert them, without a server.",
        discussion: "Adapters are PEFT directories, as `job export` and `save_pretrained` of peft write them.",
        subcommands: [
            AdapterInfoCommand.self, AdapterDiffCommand.self, AdapterMergeCommand.self, AdapterConvertCommand.self,
        ]
    )
}

extension PEFTDirectory {
    /// Reads the directory at a path that somebody typed.
    init(at path: String) throws(AdapterError) {
        try self.init(reading: URL(fileURLWithPath: path, isDirectory: true))
    }
}
