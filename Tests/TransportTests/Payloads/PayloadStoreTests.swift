import Foundation
import NIOCore
import TestSupport
import Testing
import WireProtocol

@testable import Transport

@Suite("The payload store")
struct PayloadStoreTests {
    private let content = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    private var digest: PayloadDigest { PayloadDigest(hashing: content) }
    private var byteCount: UInt64 { UInt64(content.count) }
    private let maximum: UInt64 = 1 << 20

    private func bytes(_ range: Range<Int>) -> ByteBuffer { ByteBuffer(bytes: content[range]) }

    private func withStore<Result>(_ body: (PayloadStore, URL) async throws -> Result) async throws -> Result {
        try await withTemporaryDirectory { folder in
            try await body(PayloadStore(directory: folder), folder)
        }
    }

    private func files(_ folder: URL, _ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(name).path).sorted()
    }

    // MARK: - Memory to disk and back

    @Test("keeps what is inserted under its digest, and reads any piece of it")
    func inserts() async throws {
        try await withStore { store, folder in
            #expect(!store.contains(digest))
            #expect(try await store.insert(Data(content)) == digest)
            #expect(try await store.insert(Data(content)) == digest)
            #expect(try files(folder, "blobs") == [digest.hexadecimal])
            #expect(store.contains(digest))
            #expect(try store.digests() == [digest])
            #expect(try store.byteCount(of: digest) == content.count)
            #expect(try store.offset(of: digest) == byteCount)
            #expect(try await store.read(digest, from: 0, count: .max) == bytes(0..<content.count))
            #expect(try await store.read(digest, from: 99_990, count: 100) == bytes(99_990..<100_000))
            #expect(try await store.read(digest, from: 500, count: 10) == bytes(500..<510))
            #expect(try await store.read(digest, from: byteCount, count: 10).readableBytes == 0)
            try store.remove(digest)
            #expect(!store.contains(digest))
            try store.remove(digest)
        }
    }

    @Test("keeps nothing of what could not be forced to disk: the next fsync would say that all is well")
    func failedSync() async throws {
        try await withStore { store, folder in
            let partial = folder.appendingPathComponent("partial/\(digest.hexadecimal).self")
            // Takes every byte, and has nothing that could be forced to disk.
            try FileManager.default.createSymbolicLink(atPath: partial.path, withDestinationPath: "/dev/null")
            let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            try await receiver.append(bytes(0..<content.count), at: 0)
            let error = await #expect(throws: PayloadError.self) { try await receiver.finish() }
            guard case .file(let failure)? = error else {
                Issue.record("\(String(describing: error)) is another error")
                return
            }
            #expect(failure.operation == .sync)
            #expect(try files(folder, "partial").isEmpty)
            #expect(!store.contains(digest))
        }
    }

    @Test("settles what is here, and nothing else")
    func settles() async throws {
        try await withStore { store, _ in
            #expect(try await !store.settles(digest))
            try await store.insert(Data(content))
            #expect(try await store.settles(digest))
        }
    }

    @Test("knows what it does not have")
    func missing() async throws {
        try await withStore { store, _ in
            #expect(throws: PayloadError.missing(digest)) { try store.byteCount(of: digest) }
            await #expect(throws: PayloadError.missing(digest)) { try await store.read(digest, from: 0, count: 1) }
            #expect(try store.offset(of: digest) == 0)
            try await store.insert(Data(content))
            await #expect(throws: PayloadError.beyondStored(offset: byteCount + 1, byteCount: byteCount)) {
                try await store.read(digest, from: byteCount + 1, count: 1)
            }
            await #expect(throws: PayloadError.empty) { try await store.insert(Data()) }
        }
    }

    // MARK: - Receiving

    @Test("receives a payload in pieces and shows it only when it is whole and verified")
    func receives() async throws {
        try await withStore { store, folder in
            let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            for start in stride(from: 0, to: content.count, by: 30_000) {
                #expect(await receiver.offset == UInt64(start))
                try await receiver.append(bytes(start..<min(start + 30_000, content.count)), at: UInt64(start))
                #expect(!store.contains(digest))
                #expect(try files(folder, "blobs").isEmpty)
            }
            try await receiver.finish()
            #expect(try await store.read(digest, from: 0, count: .max) == bytes(0..<content.count))
            #expect(try files(folder, "partial").isEmpty)
            // Finished is finished.
            await #expect(throws: PayloadError.self) { try await receiver.append(bytes(0..<1), at: 0) }
            await #expect(throws: PayloadError.self) { try await receiver.finish() }
        }
    }

    @Test("resumes where an earlier receiver stopped, in the same process or another", arguments: [1, 33_000, 99_999])
    func resumes(_ stop: Int) async throws {
        try await withTemporaryDirectory { folder in
            do {
                let store = try PayloadStore(directory: folder)
                let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
                try await receiver.append(bytes(0..<stop), at: 0)
            }
            let store = try PayloadStore(directory: folder)
            #expect(try store.offset(of: digest) == UInt64(stop))
            let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            #expect(await receiver.offset == UInt64(stop))
            try await receiver.append(bytes(stop..<content.count), at: UInt64(stop))
            try await receiver.finish()
            #expect(try await store.read(digest, from: 0, count: .max) == bytes(0..<content.count))
        }
    }

    @Test("keeps nothing of content with another digest")
    func wrongDigest() async throws {
        try await withStore { store, folder in
            let receiver = try await store.beginReceiving(digest, byteCount: 4, maximum: maximum)
            try await receiver.append(ByteBuffer(bytes: [1, 2, 3, 4]), at: 0)
            let found = PayloadDigest(hashing: [1, 2, 3, 4])
            await #expect(throws: PayloadError.wrongDigest(expected: digest, found: found)) {
                try await receiver.finish()
            }
            #expect(try files(folder, "blobs").isEmpty)
            #expect(try files(folder, "partial").isEmpty)
            #expect(try store.offset(of: digest) == 0)
        }
    }

    @Test("notices a partial file that was damaged in between, and begins anew")
    func damagedPartial() async throws {
        try await withStore { store, folder in
            let first = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            try await first.append(bytes(0..<50_000), at: 0)
            let file = folder.appendingPathComponent("partial/\(digest.hexadecimal).self")
            var damaged = try Data(contentsOf: file)
            damaged[25_000] ^= 1
            try damaged.write(to: file)
            let second = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            try await second.append(bytes(50_000..<100_000), at: 50_000)
            await #expect(throws: PayloadError.self) { try await second.finish() }
            let third = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            #expect(await third.offset == 0)
            try await third.append(bytes(0..<100_000), at: 0)
            try await third.finish()
            #expect(store.contains(digest))
        }
    }

    @Test("discards a partial file that is longer than the payload")
    func longPartial() async throws {
        try await withStore { store, folder in
            let file = folder.appendingPathComponent("partial/\(digest.hexadecimal).self")
            try Data(content + [1]).write(to: file)
            let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            #expect(await receiver.offset == 0)
            try await receiver.append(bytes(0..<100_000), at: 0)
            try await receiver.finish()
            #expect(try store.byteCount(of: digest) == content.count)
        }
    }

    @Test("takes only the next bytes, and not one too many")
    func order() async throws {
        try await withStore { store, _ in
            let receiver = try await store.beginReceiving(digest, byteCount: 10, maximum: maximum)
            try await receiver.append(bytes(0..<4), at: 0)
            await #expect(throws: PayloadError.outOfOrder(expected: 4, found: 0)) {
                try await receiver.append(bytes(0..<4), at: 0)
            }
            await #expect(throws: PayloadError.outOfOrder(expected: 4, found: .max)) {
                try await receiver.append(bytes(0..<4), at: .max)
            }
            await #expect(throws: PayloadError.beyondEnd(byteCount: 10)) {
                try await receiver.append(bytes(0..<7), at: 4)
            }
            await #expect(throws: PayloadError.incomplete(offset: 4, byteCount: 10)) { try await receiver.finish() }
            #expect(await receiver.offset == 4)
        }
    }

    @Test("bounds what it takes by the announcement")
    func bounds() async throws {
        try await withStore { store, folder in
            await #expect(throws: PayloadError.tooLarge(byteCount: .max, limit: maximum)) {
                try await store.beginReceiving(digest, byteCount: .max, maximum: maximum)
            }
            await #expect(throws: PayloadError.empty) {
                try await store.beginReceiving(digest, byteCount: 0, maximum: maximum)
            }
            let left = try files(folder, "partial")
            #expect(left.isEmpty)
        }
    }

    // MARK: - Several receivers

    @Test("keeps senders of the same payload apart, so that none can spoil another's transfer")
    func senders() async throws {
        try await withStore { store, _ in
            let honest = try await store.beginReceiving(
                digest,
                byteCount: byteCount,
                from: "honest",
                maximum: maximum
            )
            let hostile = try await store.beginReceiving(
                digest,
                byteCount: byteCount,
                from: "hostile",
                maximum: maximum
            )
            try await honest.append(bytes(0..<50_000), at: 0)
            try await hostile.append(ByteBuffer(repeating: 0, count: 100_000), at: 0)
            #expect(try store.offset(of: digest, from: "honest") == 50_000)
            await #expect(throws: PayloadError.self) { try await hostile.finish() }
            try await honest.append(bytes(50_000..<100_000), at: 50_000)
            try await honest.finish()
            #expect(try await store.read(digest, from: 0, count: .max) == bytes(0..<content.count))
        }
    }

    @Test("keeps a few partial files of a sender, and forgets the one that was begun first, also after a restart")
    func fewPartials() async throws {
        try await withTemporaryDirectory { folder in
            var store = try PayloadStore(directory: folder)
            let digests = (0..<8).map { PayloadDigest(hashing: [UInt8($0)]) }
            for (index, digest) in digests.enumerated() {
                if index == 6 { store = try PayloadStore(directory: folder) }
                let receiver = try await store.beginReceiving(digest, byteCount: 100, from: "a", maximum: 100)
                try await receiver.append(ByteBuffer(repeating: 1, count: 50), at: 0)
            }
            let other = try await store.beginReceiving(digests[0], byteCount: 100, from: "b", maximum: 100)
            try await other.append(ByteBuffer(repeating: 1, count: 10), at: 0)
            let partials = folder.appendingPathComponent("partial")
            let names = try FileManager.default.contentsOfDirectory(atPath: partials.path)
            #expect(names.count { $0.hasSuffix(".a") } == PayloadStore.partialsPerSender)
            #expect(names.contains("\(digests[7].hexadecimal).a"), "the newest stays")
            #expect(names.contains("\(digests[0].hexadecimal).b"), "other senders are not affected")
        }
    }

    @Test("a finished payload makes room for another partial one")
    func finishedPartials() async throws {
        try await withTemporaryDirectory { folder in
            let store = try PayloadStore(directory: folder)
            let first = try await store.beginReceiving(PayloadDigest(hashing: [0]), byteCount: 2, from: "a", maximum: 9)
            try await first.append(ByteBuffer(bytes: [0]), at: 0)
            for content in 1..<8 {
                let bytes = [UInt8(content)]
                let receiver = try await store.beginReceiving(
                    PayloadDigest(hashing: bytes),
                    byteCount: 1,
                    from: "a",
                    maximum: 9
                )
                try await receiver.append(ByteBuffer(bytes: bytes), at: 0)
                try await receiver.finish()
            }
            try await first.append(ByteBuffer(bytes: [1]), at: 1)
        }
    }

    @Test("two senders may both finish the same payload")
    func bothFinish() async throws {
        try await withStore { store, folder in
            for sender in ["a", "b"] {
                let receiver = try await store.beginReceiving(
                    digest,
                    byteCount: byteCount,
                    from: sender,
                    maximum: maximum
                )
                try await receiver.append(bytes(0..<100_000), at: 0)
                try await receiver.finish()
            }
            #expect(try files(folder, "blobs") == [digest.hexadecimal])
        }
    }

    @Test("retires a receiver when the same sender begins again")
    func superseded() async throws {
        try await withStore { store, _ in
            let old = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            try await old.append(bytes(0..<50_000), at: 0)
            let new = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            await #expect(throws: PayloadError.superseded(digest)) {
                try await old.append(bytes(50_000..<60_000), at: 50_000)
            }
            await #expect(throws: PayloadError.superseded(digest)) { try await old.finish() }
            #expect(await new.offset == 50_000)
            try await new.append(bytes(50_000..<100_000), at: 50_000)
            try await new.finish()
            #expect(store.contains(digest))
        }
    }

    @Test("makes no file for a sender whose name is a path", arguments: ["../x", "a/b", "", "A", ".."])
    func senderNames(_ name: String) async throws {
        try await withStore { store, _ in
            await #expect(throws: PayloadError.invalidSender(name)) {
                try await store.beginReceiving(digest, byteCount: 1, from: name, maximum: maximum)
            }
            #expect(throws: PayloadError.invalidSender(name)) { try store.offset(of: digest, from: name) }
        }
    }

    // MARK: - Disks that fail

    @Test("says which file failed and why when its folder is gone")
    func folderGone() async throws {
        try await withStore { store, folder in
            try FileManager.default.removeItem(at: folder.appendingPathComponent("partial"))
            try FileManager.default.removeItem(at: folder.appendingPathComponent("blobs"))
            let first = await #expect(throws: PayloadError.self) {
                try await store.beginReceiving(digest, byteCount: 1, maximum: maximum)
            }
            #expect(first?.description.contains("No such file or directory") == true)
            let second = await #expect(throws: PayloadError.self) { try await store.insert(Data(content)) }
            #expect(second?.description.contains(folder.path) == true)
        }
    }

    @Test("a full disk ends the transfer, and what was written is hashed again on the next try")
    func diskFull() async throws {
        try await withStore { store, folder in
            // The partial file is a device on which every write fails for want of space.
            let file = folder.appendingPathComponent("partial/\(digest.hexadecimal).self")
            try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/dev/full")
            await #expect(throws: PayloadError.self) {
                let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
                try await receiver.append(bytes(0..<100_000), at: 0)
            }
            try store.removePartial(of: digest)
            let receiver = try await store.beginReceiving(digest, byteCount: byteCount, maximum: maximum)
            try await receiver.append(bytes(0..<100_000), at: 0)
            try await receiver.finish()
        }
    }

    @Test("replaces a file in one step, and leaves the old one when that fails")
    func replacesFiles() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("file")
            try DurableFile.replace(file, with: Data("old".utf8))
            try DurableFile.replace(file, with: Data("new".utf8), permissions: 0o600)
            #expect(try String(contentsOf: file, encoding: .utf8) == "new")
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions]
            #expect(mode as? Int == 0o600)
            let blocked = folder.appendingPathComponent("folder/inner")
            try FileManager.default.createDirectory(at: blocked, withIntermediateDirectories: true)
            let error = #expect(throws: FileError.self) {
                try DurableFile.replace(folder.appendingPathComponent("folder"), with: Data("x".utf8))
            }
            #expect(error?.operation == .rename)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["file", "folder"])
        }
    }
}
