import ClientDaemon
import Foundation
import TestSupport
import Testing

@Suite("ClientDirectory")
struct ClientDirectoryTests {
    private func joinedDirectory(in folder: URL) throws -> ClientDirectory {
        let directory = ClientDirectory(folder.appendingPathComponent("silo"))
        try directory.create()
        try directory.createCredentialsFolder()
        for file in [directory.certificateFile, directory.authorityFile] { try Data("x".utf8).write(to: file) }
        _ = FileManager.default.createFile(
            atPath: directory.privateKeyFile.path,
            contents: Data("x".utf8),
            attributes: [.posixPermissions: 0o600]
        )
        return directory
    }

    private func mode(of url: URL) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: url.path)[.posixPermissions] as? Int
    }

    @Test("new folders are open to their owner alone")
    func createsPrivateFolders() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try joinedDirectory(in: folder)
            #expect(try mode(of: directory.url) == 0o700)
            #expect(try mode(of: directory.credentials) == 0o700)
            #expect(throws: Never.self) { try directory.validate() }
        }
    }

    @Test("without a certificate a directory has not joined")
    func tellsUnjoined() async throws {
        try await withTemporaryDirectory { folder in
            let directory = try joinedDirectory(in: folder)
            try FileManager.default.removeItem(at: directory.certificateFile)
            #expect(throws: ClientError.notJoined(path: directory.url.path)) { try directory.validate() }
        }
    }

    @Test("a key that others can read, or a folder that they can write, is refused", arguments: [0o640, 0o604, 0o660])
    func refusesExposedKey(mode: Int) async throws {
        try await withTemporaryDirectory { folder in
            let directory = try joinedDirectory(in: folder)
            let key = directory.privateKeyFile
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: key.path)
            #expect(throws: ClientError.exposed(path: key.path, allowed: 0o600)) { try directory.validate() }
            try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: key.path)
            #expect(throws: Never.self) { try directory.validate() }
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory.url.path)
            #expect(throws: ClientError.exposed(path: directory.url.path, allowed: 0o755)) { try directory.validate() }
        }
    }

    @Test("one process at a time holds the directory, and leaves nothing to clean up")
    func locks() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            #expect(!DirectoryLock.isHeld(of: directory))
            do {
                let lock = try DirectoryLock(of: directory)
                #expect(DirectoryLock.isHeld(of: directory))
                let error = #expect(throws: ClientError.self) { _ = try DirectoryLock(of: directory) }
                #expect(error == .directoryInUse(path: directory.url.path))
                withExtendedLifetime(lock) {}
            }
            #expect(!DirectoryLock.isHeld(of: directory))
            _ = try DirectoryLock(of: directory)
        }
    }
}
