import Foundation
import Testing

@testable import Coordinator

@Suite("Session table")
struct SessionTableTests {
    @Test("admits a secret until its end")
    func end() {
        var table = SessionTable()
        table.begin("a", at: .sample)
        #expect(table.admits("a", at: .sample + SessionTable.lifetime - 1))
        #expect(!table.admits("a", at: .sample + SessionTable.lifetime))
        #expect(!table.admits("b", at: .sample))
        #expect(!table.admits("", at: .sample))
        table.end("a")
        #expect(!table.admits("a", at: .sample))
    }

    @Test("holds so many sessions at most: the oldest gives way")
    func limit() {
        var table = SessionTable()
        for number in 0...SessionTable.limit { table.begin("\(number)", at: .sample + Double(number)) }
        #expect(!table.admits("0", at: .sample + 100))
        #expect(table.admits("1", at: .sample + 100))
        #expect(table.admits("\(SessionTable.limit)", at: .sample + 100))
    }
}
