extension QRGrid {
    /// How hard the grid is to read, by the four rules of the standard.
    var penalty: Int {
        let size = Int(Double(modules.count).squareRoot())
        let rows = (0..<size).map { row in Array(modules[row * size..<(row + 1) * size]) }
        let columns = (0..<size).map { column in rows.map { $0[column] } }
        let lines = (rows + columns).map(Self.penalty(ofLine:)).reduce(0, +)
        return lines + Self.penalty(ofBlocks: rows) + Self.penalty(ofBalance: modules)
    }

    /// Rules 1 and 3: five or more of a kind in a row, and what looks like a finder beside four light modules.
    private static func penalty(ofLine line: [Bool]) -> Int {
        var penalty = 0
        var run = 1
        for place in 1...line.count {
            if place < line.count, line[place] == line[place - 1] {
                run += 1
            } else {
                if run >= 5 { penalty += run - 2 }
                run = 1
            }
        }
        let finder = [true, false, true, true, true, false, true]
        for start in 0...line.count - finder.count where line[start..<start + finder.count].elementsEqual(finder) {
            // Beyond the edge lies the quiet zone, which is light.
            let isLightBefore = (start - 4..<start).allSatisfy { $0 < 0 || !line[$0] }
            let end = start + finder.count
            let isLightAfter = (end..<end + 4).allSatisfy { $0 >= line.count || !line[$0] }
            penalty += (isLightBefore ? 40 : 0) + (isLightAfter ? 40 : 0)
        }
        return penalty
    }

    /// Rule 2: squares of four of a kind.
    private static func penalty(ofBlocks rows: [[Bool]]) -> Int {
        var blocks = 0
        for (upper, lower) in zip(rows, rows.dropFirst()) {
            for column in 1..<upper.count
            where upper[column] == upper[column - 1] && upper[column] == lower[column]
                && upper[column] == lower[column - 1]
            {
                blocks += 1
            }
        }
        return 3 * blocks
    }

    /// Rule 4: for each 5 % by which dark modules are not half of all.
    private static func penalty(ofBalance modules: [Bool]) -> Int {
        let dark = modules.count { $0 }
        return abs(20 * dark - 10 * modules.count) / modules.count * 10
    }
}
