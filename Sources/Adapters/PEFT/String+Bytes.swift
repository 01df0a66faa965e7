extension String {
    /// Whether `text` occurs in it, byte by byte.
    ///
    /// For names of tensors, of which every payload has many: `contains` costs several times as much.
    func holds(_ text: String) -> Bool {
        let wanted = text.utf8
        guard let first = wanted.first else { return true }
        var rest = utf8[...]
        while let start = rest.firstIndex(of: first) {
            if rest[start...].starts(with: wanted) { return true }
            rest = rest[start...].dropFirst()
        }
        return false
    }

    /// What is left without its first bytes, which are a whole text.
    func withoutPrefix(_ prefix: String) -> String {
        String(Substring(utf8.dropFirst(prefix.utf8.count)))
    }

    /// What is left without its last bytes, which are a whole text.
    func withoutSuffix(_ suffix: String) -> String {
        String(Substring(utf8.dropLast(suffix.utf8.count)))
    }
}
