import Foundation
import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite("A durable file")
struct DurableFileTests {
    @Test("that root makes belongs to whom its folder belongs", .enabled(if: geteuid() == 0))
    func owner() async throws {
        try await withTemporaryDirectory { folder in
            let service = uid_t(65_534)
            try #require(chown(folder.path, service, service) == 0)
            let file = folder.appendingPathComponent("key.pem")
            try DurableFile.replace(file, with: Data("secret".utf8), permissions: 0o600)
            let hold = try PayloadHold(folder.appendingPathComponent("hold").path)
            for name in ["key.pem", "hold"] {
                let path = folder.appendingPathComponent(name).path
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.ownerAccountID] as? UInt32 == service, "\(name)")
            }
            withExtendedLifetime(hold) {}
        }
    }
}
