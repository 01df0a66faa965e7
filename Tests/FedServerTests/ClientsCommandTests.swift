import Testing

@testable import FedServer

@Suite("List of clients")
struct ClientsCommandTests {
    @Test("tags do nothing to the terminal, and begin no row of their own")
    func tags() {
        #expect(ClientsCommand.text(ofTags: ["ward": "a", "city": "berlin"]) == "city=berlin,ward=a")
        #expect(ClientsCommand.text(ofTags: ["ward": "a\u{1B}[2J\nparis"]) == "ward=a [2J paris")
    }
}
