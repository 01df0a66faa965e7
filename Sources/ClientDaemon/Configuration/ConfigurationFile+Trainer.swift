private import FederatedLearning
package import Foundation
import Yams

extension ConfigurationFile {
    private static let trainerKeys = [
        "command", "environment", "start", "silence", "time", "memory", "disk", "retries",
    ]

    /// Reads the section `trainer`.
    ///
    /// - Parameters:
    ///   - node: The section.
    ///   - path: The file's name in messages.
    ///   - folder: Where relative paths start.
    /// - Returns: The settings, with defaults for what the section leaves out.
    /// - Throws: A ``ClientError`` that names the key and says what to write.
    static func trainer(_ node: Node, path: String, relativeTo folder: URL) throws -> TrainerSettings {
        let section = try ConfigurationSection(node, path: path, prefix: "trainer.", keys: trainerKeys)
        var limits = TrainerLimits()
        if let start = try section.duration("start") { limits.start = start }
        if let silence = try section.duration("silence") { limits.silence = silence }
        limits.time = try section.duration("time")
        limits.memory = try section.byteCount("memory")
        if let disk = try section.byteCount("disk") { limits.disk = disk }
        return TrainerSettings(
            command: absolute(try command(section, path: path), relativeTo: folder),
            environment: try section.texts("environment", expected: "a text for each variable"),
            limits: limits,
            retries: try section.integer("retries", in: TrainerSettings.retryCounts) ?? 1
        )
    }

    /// Takes the command of `--trainer` apart.
    ///
    /// - Parameters:
    ///   - text: The command.
    ///   - folder: Where relative paths start.
    /// - Returns: The program and its arguments.
    /// - Throws: ``ClientError/invalidValue(path:key:found:expected:)``.
    package static func trainerCommand(_ text: String, relativeTo folder: URL) throws -> [String] {
        guard let words = CommandWords.split(text), !words.isEmpty else {
            throw ClientError.invalidValue(
                path: "the command line",
                key: "--trainer",
                found: text,
                expected: expectedCommand
            )
        }
        return absolute(words, relativeTo: folder)
    }

    private static let expectedCommand = "a program and its arguments, such as 'python3 trainer.py'"

    private static func command(_ section: ConfigurationSection, path: String) throws -> [String] {
        if section["command"]?.sequence != nil {
            let words = try section.list("command", expected: expectedCommand) ?? []
            if !words.isEmpty { return words }
        }
        let text = try section.requiredText("command", example: expectedCommand)
        guard let words = CommandWords.split(text), !words.isEmpty else {
            throw ClientError.invalidValue(path: path, key: "trainer.command", found: text, expected: expectedCommand)
        }
        return words
    }

    /// Makes paths in a command absolute, because the program runs in a folder of its own.
    ///
    /// The program's own name is one when it has a slash; an argument is one when there is such a file.
    private static func absolute(_ words: [String], relativeTo folder: URL) -> [String] {
        words.enumerated().map { index, word in
            let file = url(word, folder)
            if index == 0 { return word.contains("/") ? file.path : word }
            return !word.hasPrefix("/") && FileManager.default.fileExists(atPath: file.path) ? file.path : word
        }
    }
}

extension ConfigurationSection {
    fileprivate func duration(_ key: String) throws -> Duration? {
        let expected = "a time such as 30s, 10m or 2h"
        guard let text = try text(key, expected: expected) else { return nil }
        guard let duration = DurationText.parse(text), duration > .zero else { throw invalid(key, text, expected) }
        return duration
    }

    fileprivate func byteCount(_ key: String) throws -> Int? {
        let expected = "an amount such as 512MiB or 16GiB"
        guard let text = try text(key, expected: expected) else { return nil }
        guard let bytes = ByteCountText.parse(text) else { throw invalid(key, text, expected) }
        return bytes
    }
}
