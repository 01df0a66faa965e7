package import Adapters
package import Foundation
private import Glibc

/// The folder in which a trainer works, open to its owner alone.
///
/// ```
/// trainer/            the process's working directory and HOME; what it leaves here stays until the next start
///   tmp/              its TMPDIR
///   request-7/        one request
///     adapter/        the PEFT directory to start from
///     residual/       what to add to the base model first
///     controls.safetensors
///     result/         the trained PEFT directory, written by the trainer
/// ```
package struct TrainerFolder: Sendable {
    package let url: URL
    /// Where results are copied to before they are read: the trainer may still be writing into its own.
    private let results: URL

    package init(_ directory: ClientDirectory) {
        self.url = directory.trainer
        self.results = directory.results
    }

    /// Makes the folder for a new process, without what earlier requests have left.
    ///
    /// When that is still more than the trainer may have there, nothing is kept: the new process would be ended for it.
    ///
    /// - Parameter limit: How many bytes it may have.
    /// - Throws: ``ClientError/cannotWrite(path:reason:)``.
    package func prepare(limit: Int = .max) throws {
        do {
            try createFolder(url)
            for name in try FileManager.default.contentsOfDirectory(atPath: url.path)
            where name == "tmp" || name.hasPrefix("request-") {
                try FileManager.default.removeItem(at: url.appendingPathComponent(name))
            }
            if TrainerUsage.size(of: url) > limit {
                try FileManager.default.removeItem(at: url)
                try createFolder(url)
            }
            try createFolder(url.appendingPathComponent("tmp"))
        } catch {
            throw ClientError.cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }

    /// Makes the folder of a request.
    package func createRequest(_ name: String) throws -> URL {
        let folder = url.appendingPathComponent("request-\(name)", isDirectory: true)
        do {
            try? FileManager.default.removeItem(at: folder)
            try createFolder(folder)
        } catch {
            throw ClientError.cannotWrite(path: folder.path, reason: error.localizedDescription)
        }
        return folder
    }

    /// Removes the folder of a request, whatever the trainer has put into it.
    package func removeRequest(_ folder: URL) {
        try? FileManager.default.removeItem(at: folder)
    }

    private func createFolder(_ folder: URL) throws {
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        // One that was there may be open to others.
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
    }

    // MARK: - Results

    /// The longest `adapter_config.json` that is read.
    private static let configurationBytes = 1 << 20

    /// Reads the PEFT directory that a trainer has left in a request's folder.
    ///
    /// No link is followed on the way to it, nor at its end, and no more is read than an adapter of that kind can have.
    ///
    /// - Parameters:
    ///   - path: Where it is, from the request's folder on.
    ///   - request: The request's folder.
    ///   - tensorBytes: The most bytes that its tensors may have.
    ///   - kinds: Of which kinds it may be.
    /// - Returns: The directory's content, which nothing outside can change any more.
    /// - Throws: ``TrainerError/unusableResult(problem:)``.
    package func takeResult(
        at path: String,
        of request: URL,
        tensorBytes: Int,
        kinds: Set<AdapterKind> = [.lora]
    ) throws -> PEFTDirectory {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains(where: { ["", ".", ".."].contains($0) || $0.contains("\0") }) else {
            throw TrainerError.unusableResult(
                problem:
                    "'\(TrainerMessage.excerpt(Array(path.utf8)))' leads out of the request's folder. Write `result`."
            )
        }
        let configuration = try Self.read(
            parts + [PEFTDirectory.configurationFileName],
            in: request,
            limit: Self.configurationBytes
        )
        let tensors = try Self.read(parts + [PEFTDirectory.tensorsFileName], in: request, limit: tensorBytes)
        do {
            try createFolder(results)
            defer { try? FileManager.default.removeItem(at: results) }
            try ScratchFile.write(
                configuration,
                to: results.appendingPathComponent(PEFTDirectory.configurationFileName)
            )
            try ScratchFile.write(tensors, to: results.appendingPathComponent(PEFTDirectory.tensorsFileName))
            return try PEFTDirectory(reading: results, kinds: kinds)
        } catch let error as AdapterError {
            throw TrainerError.unusableResult(problem: error.description)
        } catch let error as ClientError {
            throw error
        } catch {
            throw ClientError.cannotWrite(path: results.path, reason: error.localizedDescription)
        }
    }

    /// Reads a plain file, from `folder` on, without following a link.
    private static func read(_ parts: [String], in folder: URL, limit: Int) throws -> Data {
        let name = parts.joined(separator: "/")
        var descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        for (index, part) in parts.enumerated() where descriptor >= 0 {
            let isLast = index == parts.count - 1
            let parent = descriptor
            // Without waiting, or a pipe in the file's place would hold us up for good.
            descriptor = openat(
                parent,
                part,
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (isLast ? 0 : O_DIRECTORY)
            )
            let code = errno
            close(parent)
            errno = code
        }
        guard descriptor >= 0 else {
            throw TrainerError.unusableResult(
                problem: errno == ELOOP || errno == ENOTDIR
                    ? "'\(name)' is, or lies behind, a link or a file, and none is followed. Write a plain folder."
                    : "'\(name)' cannot be opened: \(SystemError.latest). Write a PEFT directory before `trained`."
            )
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TrainerError.unusableResult(problem: "'\(name)' is no plain file. Write one.")
        }
        guard status.st_size <= limit else {
            throw TrainerError.unusableResult(
                problem: """
                    '\(name)' has \(status.st_size) bytes, and at most \(limit) are taken for an adapter like the one that was \
                    handed out. Save the adapter alone, without the base model.
                    """
            )
        }
        guard let data = try handle.read(upToCount: limit + 1), data.count <= limit else {
            throw TrainerError.unusableResult(problem: "'\(name)' is empty, or grows while it is read.")
        }
        return data
    }
}
