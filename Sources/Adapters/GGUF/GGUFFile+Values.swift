extension GGUFFile {
    /// Returns a text of the header.
    func text(_ key: String) throws(AdapterError) -> String {
        guard case .text(let text)? = values[key] else { throw missing(key, "a text") }
        return text
    }

    /// Returns a number from 1 to 2³¹; `standard` where the key is missing.
    func size(_ key: String, or standard: Int? = nil) throws(AdapterError) -> Int {
        if values[key] == nil, let standard { return standard }
        guard case .integer(let number)? = values[key], (1...1 << 31).contains(number) else {
            throw missing(key, "a whole number above 0")
        }
        return number
    }

    /// Returns a positive number; `standard` where the key is missing.
    func number(_ key: String, or standard: Double? = nil) throws(AdapterError) -> Double {
        switch values[key] {
        case .number(let number)? where number > 0 && number.isFinite: return number
        case nil:
            guard let standard else { throw missing(key, "a positive number") }
            return standard
        default: throw missing(key, "a positive number")
        }
    }

    func texts(_ key: String) throws(AdapterError) -> [String] {
        guard case .texts(let texts)? = values[key] else { throw missing(key, "a list of texts") }
        return texts
    }

    private func missing(_ key: String, _ needed: String) -> AdapterError {
        .malformedGGUF(path: path, problem: "has no '\(key)' that is \(needed)")
    }
}
