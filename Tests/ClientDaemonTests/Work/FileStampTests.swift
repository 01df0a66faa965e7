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

    @Test("tell a file from one of the same size and time in its place")
    func replacement() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("file")
            let other = folder.appendingPathComponent("other")
            for (url, text) in [(file, "one"), (other, "two")] {
                try Data(text.utf8).write(to: url)
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000)],
                    ofItemAtPath: url.path
                )
            }
            let stamp = FileStamp(of: file)
            try FileManager.default.removeItem(at: file)
            try FileManager.default.moveItem(at: other, to: file)
            #expect(FileStamp(of: file) != stamp)
        }
    }
}
