import Foundation
import TestSupport
import Testing

@testable import Transport

@Suite("A held payload folder")
struct PayloadHoldTests {
    @Test("keeps what is removed until it is let go, also in another process's eyes")
    func hold() async throws {
        try await withTemporaryDirectory { folder in
            let store = try PayloadStore(directory: folder)
            let digest = try await store.insert(Data("payload".utf8))
            // Another store on the folder holds it: locks belong to open files, as they do between processes.
            var hold: PayloadHold? = try PayloadStore(directory: folder).hold()
            let second = try PayloadStore(directory: folder).hold()
            try store.remove(digest)
            #expect(store.contains(digest))
            withExtendedLifetime(hold) {}
            hold = nil
            try store.remove(digest)
            #expect(store.contains(digest))
            withExtendedLifetime(second) {}
        }
    }

    @Test("is free again when the hold is gone")
    func free() async throws {
        try await withTemporaryDirectory { folder in
            let store = try PayloadStore(directory: folder)
            let digest = try await store.insert(Data("payload".utf8))
            do {
                let hold = try store.hold()
                try store.remove(digest)
                withExtendedLifetime(hold) {}
            }
            try store.remove(digest)
            #expect(!store.contains(digest))
        }
    }
}
