import Aggregation
import TestSupport
import Testing

@testable import Simulation

@Suite("Names of clients")
struct ClientNamesTests {
    @Test("sort as the clients are counted", arguments: [1, 2, 10, 11, 1001])
    func order(count: Int) {
        let names = ClientNames(count: count)
        let all = (0..<count).map { names[$0] }
        #expect(all == all.sorted() && Set(all).count == count)
        for (index, name) in all.enumerated() { #expect(names.index(of: name) == index) }
    }

    @Test("know no strangers")
    func strangers() {
        let names = ClientNames(count: 12)
        #expect(names[3] == "client-03")
        for name: ClientID in ["client-3", "client-003", "client-12", "client--1", "client-+1", "klient-03", ""] {
            #expect(names.index(of: name) == nil)
        }
        let given = ClientNames(["north", "south"])
        #expect(given[1] == "south" && given.index(of: "south") == 1 && given.index(of: "client-1") == nil)
    }
}
