import Foundation

/// A job's adapter as a PEFT directory in a temporary folder, which is removed with this value.
package final class ExportedAdapter: Sendable {
    private let folder: URL
    private let archive: TarArchive

    /// How many bytes the archive has.
    package var byteCount: Int { archive.byteCount }

    /// - Parameters:
    ///   - name: What the directory is called in the archive.
    ///   - date: The time of its files.
    ///   - export: Writes the PEFT directory into the folder that it is given, which does not exist yet.
    /// - Throws: What `export` throws, or why there is no room for its files.
    init(named name: String, date: Date, export: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(
                at: folder,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700]
            )
            let adapter = folder.appendingPathComponent(name, isDirectory: true)
            try await export(adapter)
            archive = try TarArchive(of: adapter, named: name, modified: date)
            self.folder = folder
        } catch {
            try? FileManager.default.removeItem(at: folder)
            throw error
        }
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Begins to read the archive; this value has to outlive the reader.
    package func reader() -> TarArchive.Reader { archive.reader() }
}
