import Terminal
import Testing

@Suite("Text tables")
struct TextTableTests {
    private static let path = "bert.encoder.layer.0.attention.self.query"
    private static let rows = [[path, "64", "0.125"]]
    private static let table = TextTable(["LAYER", "RANK", "NORM"], fitting: rows, texts: 1)

    @Test("columns line up, texts to the left and figures to the right")
    func columns() {
        #expect(Self.table.header == "LAYER                                      RANK   NORM")
        #expect(Self.table.line(Self.rows[0]) == "\(Self.path)    64  0.125")
    }

    @Test("on a terminal the widest text gives way in its middle, and figures stay", arguments: [40, 30, 53])
    func fitting(width: Int) {
        let line = Self.table.fitting(width: width).line(Self.rows[0])
        #expect(line.count == width && line.hasSuffix("    64  0.125"))
        #expect(line.hasPrefix("bert.") && line.contains("…") && line.contains("query  "))
    }

    @Test("nothing is cut in a file, where there is room, or below twelve characters")
    func whole() {
        #expect(Self.table.fitting(width: nil).line(Self.rows[0]).hasPrefix(Self.path))
        #expect(Self.table.fitting(width: 54).line(Self.rows[0]).hasPrefix(Self.path))
        let line = Self.table.fitting(width: 5).line(Self.rows[0])
        #expect(line.count == 12 + 2 + 4 + 2 + 5 && line.hasPrefix("bert.…"))
    }

    @Test("colours are for terminals that know them, and for nobody who asks for none")
    func colours() {
        #expect(StandardOutput.usesStyles(isTerminal: true, environment: ["TERM": "xterm"]))
        #expect(StandardOutput.usesStyles(isTerminal: true, environment: ["NO_COLOR": ""]))
        #expect(!StandardOutput.usesStyles(isTerminal: true, environment: ["NO_COLOR": "1"]))
        #expect(!StandardOutput.usesStyles(isTerminal: true, environment: ["TERM": "dumb"]))
        #expect(!StandardOutput.usesStyles(isTerminal: false, environment: [:]))
        #expect(TextStyle.red.applied(to: "FIX") == "\u{1B}[31mFIX\u{1B}[0m")
        // Tests do not run on a terminal, so results stay plain.
        #expect(
            TextStyle.allCases.allSatisfy { StandardOutput.styled("ok", $0) == "ok" } || StandardOutput.width != nil
        )
    }
}
