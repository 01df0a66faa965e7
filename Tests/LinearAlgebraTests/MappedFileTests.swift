import Foundation
import LinearAlgebra
import TestSupport
import Testing

struct MappedFileTests {
    @Test("lends a file's bytes, and floats where they are aligned")
    func lends() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("floats")
            let numbers: [Float] = [1, -2, 0.5]
            try Data([7, 7, 7, 7] + ElementFormat.binary32.encode(numbers.span)).write(to: file)
            let mapped = try MappedFile(path: file.path)
            #expect(mapped.count == 16)
            #expect(mapped.withBytes { $0.byteCount } == 16)
            #expect(mapped.withBytes { ElementFormat.binary32.decode($0.extracting(4...)) } == numbers)
            let floats = mapped.withFloats(at: 4, count: 3) { span in span.indices.map { span[$0] } }
            #expect(floats == numbers)
            #expect(mapped.withFloats(at: 5, count: 2) { $0.count } == nil)
            #expect(mapped.withFloats(at: 16, count: 0) { $0.count } == 0)
        }
    }

    @Test("keeps its bytes when another file takes the name")
    func survivesReplacement() async throws {
        try await withTemporaryDirectory { folder in
            let file = folder.appendingPathComponent("file")
            try Data([1, 2, 3]).write(to: file)
            let mapped = try MappedFile(path: file.path)
            try Data([9]).write(to: file, options: .atomic)
            #expect(
                mapped.withBytes { bytes in (0..<3).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } } == [
                    1, 2, 3,
                ]
            )
        }
    }

    @Test("maps an empty file, and says why it maps no other")
    func refuses() async throws {
        try await withTemporaryDirectory { folder in
            let empty = folder.appendingPathComponent("empty")
            try Data().write(to: empty)
            #expect(try MappedFile(path: empty.path).withBytes { $0.byteCount } == 0)
            #expect(throws: MappedFileError.notARegularFile(path: folder.path)) { try MappedFile(path: folder.path) }
            let missing = folder.appendingPathComponent("missing").path
            #expect(throws: MappedFileError.cannotOpen(path: missing, code: 2)) { try MappedFile(path: missing) }
        }
    }
}
