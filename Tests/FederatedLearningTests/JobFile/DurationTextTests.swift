import FederatedLearning
import Testing

struct DurationTextTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let seconds: Int?

        var testDescription: String { text }
    }

    @Test(
        "reads whole numbers with units, largest first",
        arguments: [
            Case(text: "90s", seconds: 90), Case(text: "10m", seconds: 600), Case(text: "1h30m", seconds: 5400),
            Case(text: "2d", seconds: 172_800), Case(text: "1d1h1m1s", seconds: 90_061), Case(text: "0s", seconds: 0),
            Case(text: "", seconds: nil), Case(text: "10", seconds: nil), Case(text: "m", seconds: nil),
            Case(text: "1m1h", seconds: nil), Case(text: "1m1m", seconds: nil), Case(text: "1.5h", seconds: nil),
            Case(text: "-1m", seconds: nil), Case(text: "1 m", seconds: nil), Case(text: "1ms", seconds: nil),
            Case(text: "9999999999d", seconds: nil), Case(text: "99999999d", seconds: nil),
            Case(text: "٣m", seconds: nil),
        ]
    )
    func parsing(_ test: Case) {
        #expect(DurationText.parse(test.text) == test.seconds.map { .seconds($0) })
    }

    @Test("writes what it reads", arguments: [0, 1, 59, 60, 90, 3600, 5400, 86_399, 86_400, 90_061, 2_592_000])
    func roundTrip(_ seconds: Int) {
        #expect(DurationText.parse(DurationText.format(.seconds(seconds))) == .seconds(seconds))
    }
}
