import Foundation
import Testing

@testable import Transport

@Suite("Looking at disks")
struct StorageProbeTests {
    @Test("room enough is well, and too little says how much is needed")
    func space() {
        let folder = FileManager.default.temporaryDirectory
        #expect(StorageProbe.freeSpace(at: folder, needed: 1).isWell)
        let finding = StorageProbe.freeSpace(at: folder, needed: .max)
        #expect(!finding.isWell && finding.text.contains("Make room"))
        #expect(!StorageProbe.freeSpace(at: folder.appendingPathComponent(UUID().uuidString)).isWell)
    }

    @Test("a finding is written as JSON with the keys that scripts read")
    func json() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(Finding("disk", isWell: true, "fine")), as: UTF8.self)
        #expect(text == #"{"ok":true,"subject":"disk","text":"fine"}"#)
    }
}
