import Foundation
import TestSupport
import Testing

@testable import ClientDaemon

@Suite("File stamps")
struct FileStampTests {
    @Test("stay the same until a file is written to or another one takes its place, and follow links")
    func changes() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("file")
            let link = folder.appendingPathComponent("link")
            #expect(FileStamp(of: file) == nil)
            try Data("one".utf8).write(to: file)
            try FileManager.default.createSymbolicLink(at: link, withDestinationURL: file)
            let first = try #require(FileStamp(of: file))
            #expect(FileStamp(of: file) == first && FileStamp(of: link) == first)

            try Data("three".utf8).write(to: file)
            let second = try #require(FileStamp(of: file))
            #expect(second != first && FileStamp(of: link) == second)
        }
    }

    @Test("tell a file from a later one of the same size in its place")
    func replacement() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("file")
            let other = folder.appendingPathComponent("other")
            try Data("one".utf8).write(to: file)
            let stamp = FileStamp(of: file)
            // Until the clock of the file system has moved on.
            repeat { try Data("two".utf8).write(to: other) } while FileStamp(of: other) == stamp
            try FileManager.default.removeItem(at: file)
            try FileManager.default.moveItem(at: other, to: file)
            #expect(FileStamp(of: file) != stamp)
        }
    }
}
