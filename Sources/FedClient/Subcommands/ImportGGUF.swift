import Adapters
import ArgumentParser
import Foundation

/// Turns a GGUF file into a base model that the native trainer, transformers and PEFT load.
struct ImportGGUF: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-gguf",
        abstract: "Write a Hugging Face directory from a GGUF file of the Llama family.",
        discussion: "Reads F32, F16, Q8_0 and Q4_1; the weights are written as 32-bit floats."
    )

    @Argument(help: ArgumentHelp("The model.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The directory to write.", valueName: "folder"))
    var out: String

    func run() throws {
        let destination = URL(fileURLWithPath: out, isDirectory: true)
        try AtomicDirectory.checkVacancy(of: destination)
        try LlamaImport(GGUFFile(contentsOf: URL(fileURLWithPath: file))).write(to: destination)
        print(destination.standardizedFileURL.path)
    }
}
