extension QRCode {
    /// How many light modules belong around the code.
    package static let quietZone = 4

    /// The dark modules as data of an SVG path, a unit each, with the upper left corner of the code at (0, 0).
    package var path: String {
        var path = ""
        for row in 0..<size {
            var column = 0
            while column < size {
                guard self[column, row] else {
                    column += 1
                    continue
                }
                let start = column
                while column < size, self[column, row] { column += 1 }
                path += "M\(start) \(row)h\(column - start)v1h-\(column - start)z"
            }
        }
        return path
    }

    /// The code for a terminal, two rows of modules to a line, quiet zone included.
    ///
    /// Light modules are drawn, dark ones left out: most terminals are dark. Readers take both ways.
    package var lines: [String] {
        let places = -Self.quietZone..<size + Self.quietZone
        func isLight(_ column: Int, _ row: Int) -> Bool {
            guard (0..<size).contains(column), (0..<size).contains(row) else { return true }
            return !self[column, row]
        }
        return stride(from: places.lowerBound, to: places.upperBound, by: 2).map { row in
            String(
                places.map { column -> Character in
                    switch (isLight(column, row), isLight(column, row + 1)) {
                    case (true, true): "█"
                    case (true, false): "▀"
                    case (false, true): "▄"
                    case (false, false): " "
                    }
                }
            )
        }
    }
}
