import Foundation
import Testing

@testable import FedSim

@Suite("Listings as JSON")
struct JSONListingTests {
    @Test("cells that are numbers become numbers, empty ones null, and everything else a text")
    func cells() throws {
        let text = JSONListing.text(["name", "rows", "loss"], [["north", "12", "0.125"], ["007", "-1e-05", ""]])
        let rows = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        #expect(
            rows[0]["name"] as? String == "north" && rows[0]["rows"] as? Int == 12
                && rows[0]["loss"] as? Double == 0.125
        )
        #expect(rows[1]["name"] as? String == "007" && rows[1]["rows"] as? Double == -1e-5 && rows[1]["loss"] is NSNull)
    }
}
