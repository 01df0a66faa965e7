import ClientDaemon
import Testing

@Suite("LineSplitter")
struct LineSplitterTests {
    private static let stream = Array("{\"a\":1}\n\n{\"b\":\"ä\"}\r\nlast".utf8)

    @Test("the same lines come out whatever the pieces in which their bytes come in", arguments: 1...12)
    func takesPieces(size: Int) throws {
        var splitter = LineSplitter(limit: 100, policy: .fail)
        var lines: [[UInt8]] = []
        for start in stride(from: 0, to: Self.stream.count, by: size) {
            lines += try splitter.take(Self.stream[start..<min(start + size, Self.stream.count)])
        }
        #expect(lines.map { String(decoding: $0, as: UTF8.self) } == ["{\"a\":1}", "{\"b\":\"ä\"}"])
        #expect(splitter.finish() == Array("last".utf8))
        #expect(splitter.finish() == nil)
    }

    @Test("a line that is too long fails at the byte that is too many, with its beginning")
    func limits() throws {
        var splitter = LineSplitter(limit: 4, policy: .fail)
        #expect(try splitter.take(Array("1234".utf8)).isEmpty)
        let overflow = #expect(throws: LineSplitter.Overflow.self) { try splitter.take([UInt8(ascii: "5")]) }
        #expect(overflow?.beginning == Array("1234".utf8))
    }

    @Test("or is cut, and the next one is whole")
    func cuts() throws {
        var splitter = LineSplitter(limit: 4, policy: .cut)
        #expect(try splitter.take(Array("123456\n78\n".utf8)) == [Array("1234".utf8), Array("78".utf8)])
    }
}
