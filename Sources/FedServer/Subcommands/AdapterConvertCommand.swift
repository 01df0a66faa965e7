import Adapters
import ArgumentParser
import Foundation
import Terminal

/// `fed-server adapter convert`: an adapter for llama.cpp.
struct AdapterConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write an adapter as the one GGUF file that llama.cpp loads beside a base model.",
        discussion: """
            Of the base model only config.json is read, for its family and its heads. A head that was trained whole has no place in \
            such a file: fold the adapter into the base model with `adapter merge --into-base` instead.

            Example: fed-server adapter convert adapter --base models/smollm2 --out adapter.gguf
            llama-cli -m smollm2.gguf --lora adapter.gguf
            """
    )

    @Argument(help: "A PEFT directory.", completion: .directory)
    var adapter: String

    @Option(help: "The base model's Hugging Face directory.", completion: .directory)
    var base: String

    @Option(help: "How numbers are stored: f32 or f16.")
    var type = GGUFDocument.Precision.f32

    @Option(help: "The file to write, which must not exist.", completion: .file(extensions: ["gguf"]))
    var out: String

    func run() throws {
        let export = try LoRAExport(PEFTDirectory(at: adapter), base: URL(fileURLWithPath: base, isDirectory: true))
        let file = URL(fileURLWithPath: out)
        try export.write(to: file, type)
        StandardError.write("\(export.layerCount) layers.")
        print(file.standardizedFileURL.path)
    }
}

extension GGUFDocument.Precision: ExpressibleByArgument {}
