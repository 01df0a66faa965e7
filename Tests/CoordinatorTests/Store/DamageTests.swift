import FederatedLearning
import Foundation
import GRDB
import Glibc
import TestSupport
import Testing
import Transport

@testable import Coordinator

/// Every single bit is `make flipped-bits`'s business; here is what is said, and to whom.
@Suite("A database that is not as it was written")
struct DamageTests {
    private static let name = "tributary.sqlite"

    /// Makes a store with some records, closes it, and lends its folder.
    private func withClosedStore(_ body: (URL) async throws -> Void) async throws {
        try await withTemporaryDirectory { folder in
            let database = try CoordinatorDatabase(file: folder.appendingPathComponent(Self.name))
            let payloads = try PayloadStore(directory: folder.appendingPathComponent("payloads"))
            try await CoordinatorStore(database: database, payloads: payloads).openRound(for: ["a", "b"])
            try database.close()
            try await body(folder)
        }
    }

    private func flip(_ bit: Int, of file: URL) throws {
        var bytes = try Data(contentsOf: file)
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        try bytes.write(to: file)
    }

    @Test("carries a checksum in every page, and says so in its header")
    func pages() async throws {
        try await withClosedStore { folder in
            let bytes = try Data(contentsOf: folder.appendingPathComponent(Self.name))
            #expect(bytes[20] == 8)
            let sums = stride(from: 4096, through: bytes.count, by: 4096).map { bytes[$0 - 8..<$0] }
            #expect(Set(sums).count == sums.count)
        }
    }

    @Test("is not believed, and the message names the file and the way out")
    func flippedBit() async throws {
        try await withClosedStore { folder in
            let file = folder.appendingPathComponent(Self.name)
            let bytes = try Data(contentsOf: file)
            // In the middle of the job's text, where SQLite sees nothing amiss.
            let place = try #require(bytes.firstRange(of: Data("name: sample".utf8))).lowerBound
            try flip(8 * place + 1, of: file)
            let store = try CoordinatorStore.durable(in: folder)
            let error = await #expect(throws: CoordinatorError.self) { try await store.jobs.nextJob() }
            #expect(error == .databaseDamaged(path: file.path, reason: "a page is not as it was written"))
            #expect(error?.description.contains("restore the latest backup") == true)
            await #expect(throws: CoordinatorError.self) { try await store.verifyRecords() }
        }
    }

    /// From version 3.45 on SQLite reads the last pages of long rows in parts, past its own cache.
    @Test("is noticed in parts of pages, too", arguments: [(512, 0), (4088, 4), (1024, 1024)])
    func parts(byteCount: Int, start: Int) async throws {
        try await withClosedStore { folder in
            let file = folder.appendingPathComponent(Self.name)
            let page = Array(try Data(contentsOf: file)[4096..<8192])
            let database = try CoordinatorDatabase(file: file)
            func read() throws -> (code: CInt, bytes: [UInt8]) {
                try database.writer.writeWithoutTransaction { db in
                    try Self.read(byteCount, at: 4096 + start, of: try #require(db.sqliteConnection))
                }
            }
            let whole = try read()
            #expect(whole.code == 0)
            #expect(whole.bytes == Array(page[start..<start + byteCount]))
            // Outside of what is read, and in the same page.
            try flip(8 * (4096 + 2000), of: file)
            #expect(try read().code == 10 | 32 << 8, "SQLITE_IOERR_DATA")
        }
    }

    /// Reads as SQLite does, through the layers below it.
    private static func read(
        _ byteCount: Int,
        at offset: Int,
        of connection: SQLiteConnection
    ) throws -> (code: CInt, bytes: [UInt8]) {
        typealias Control =
            @convention(c) (SQLiteConnection, UnsafePointer<CChar>?, CInt, UnsafeMutableRawPointer) -> CInt
        typealias Read = @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer, CInt, Int64) -> CInt
        let control = unsafeBitCast(try #require(dlsym(nil, "sqlite3_file_control")), to: Control.self)
        var pointer: UnsafeMutableRawPointer?
        // SQLITE_FCNTL_FILE_POINTER
        #expect(control(connection, nil, 7, &pointer) == 0)
        let file = try #require(pointer)
        // A file begins with the table of its methods, of which reading is the second after the version.
        let methods = file.load(as: UnsafeRawPointer.self)
        let read = methods.load(fromByteOffset: 16, as: Read.self)
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let code = read(file, &bytes, CInt(byteCount), Int64(offset))
        return (code, bytes)
    }

    @Test("is not taken for one of an earlier version when its header is damaged", arguments: [0, 2, 3])
    func flippedHeader(bit: Int) async throws {
        try await withClosedStore { folder in
            let file = folder.appendingPathComponent(Self.name)
            try flip(8 * 20 + bit, of: file)
            #expect(throws: CoordinatorError.self) { try CoordinatorDatabase(file: file) }
        }
    }

    @Test("does not forget in silence what was in a damaged log")
    func damagedLog() async throws {
        try await withTemporaryDirectory { folder in
            let living = folder.appendingPathComponent("living")
            try FileManager.default.createDirectory(at: living, withIntermediateDirectories: false)
            let store = try CoordinatorStore.durable(in: living)
            try await store.openRound(for: ["a", "b"])
            let killed = folder.appendingPathComponent("killed")
            try FileManager.default.copyItem(at: living, to: killed)
            try? FileManager.default.removeItem(at: killed.appendingPathComponent("\(Self.name)-shm"))
            let log = killed.appendingPathComponent("\(Self.name)-wal")
            try flip(8 * (try Data(contentsOf: log).count - 100), of: log)
            let error = #expect(throws: CoordinatorError.self) { try CoordinatorStore.durable(in: killed) }
            let mark = killed.appendingPathComponent("\(Self.name).commits")
            #expect(
                error
                    == .commitsLost(path: killed.appendingPathComponent(Self.name).path, mark: mark.path, count: 1)
            )
            // The way out that the message names.
            try FileManager.default.removeItem(at: mark)
            let found = try CoordinatorStore.durable(in: killed)
            #expect(try await found.runs.state(of: .sample).openRound == nil)
            withExtendedLifetime(store) {}
        }
    }

    @Test("notices a damaged note of its commits, and takes one that a power failure left empty")
    func mark() async throws {
        try await withClosedStore { folder in
            let mark = folder.appendingPathComponent("\(Self.name).commits")
            let whole = try Data(contentsOf: mark)
            for bit in [0, 8 * 19, 8 * 20, 8 * 30, 8 * whole.count - 1] {
                try whole.write(to: mark)
                try flip(bit, of: mark)
                let error = CoordinatorError.commitMarkDamaged(path: mark.path)
                #expect(throws: error) { try CoordinatorStore.durable(in: folder) }
            }
            for empty in [Data(), Data(count: whole.count)] {
                try empty.write(to: mark)
                let store = try CoordinatorStore.durable(in: folder)
                #expect(try await store.jobs.nextJob()?.id == .sample)
            }
        }
    }

    @Test("names the payload that is damaged, and who needs it")
    func payload() async throws {
        try await withClosedStore { folder in
            let store = try CoordinatorStore.durable(in: folder)
            try await store.verify()
            let digest = try #require(try store.payloads.store.digests().first)
            try flip(1234, of: store.payloads.store.url(of: digest))
            let error = await #expect(throws: CoordinatorError.self) { try await store.verify() }
            #expect(
                error?.description.contains("has changed on disk. It is the adapter that the job goes on from") == true
            )
        }
    }
}
