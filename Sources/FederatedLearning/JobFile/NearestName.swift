/// Finds what somebody probably meant to write.
package enum NearestName {
    /// Returns the candidate that is closest to `name`, or `nil` when none is close enough to be meant.
    ///
    /// Case, `-` and `_` do not count; a name that contains the other, such as `alpha` in `lora_alpha`, is one step away.
    /// Of equally close candidates the first wins.
    package static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(plain(name))
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let known = Array(plain(candidate))
            let contains = min(wanted.count, known.count) >= 3 && (known.contains(wanted) || wanted.contains(known))
            let distance = wanted == known ? 0 : contains ? 1 : editDistance(wanted, known)
            guard distance <= max(1, min(wanted.count, known.count) / 2), best.map({ distance < $0.distance }) ?? true
            else { continue }
            best = (candidate, distance)
        }
        return best?.candidate
    }

    /// How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`.
    ///
    /// Optimal string alignment. O(|a|·|b|) time; names are cut to 64 characters first.
    static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
        let (a, b) = (a.prefix(64), b.prefix(64))
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var distance = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    distance = min(distance, beforeLast[j - 1] + 1)
                }
                row.append(distance)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }

    private static func plain(_ name: String) -> String {
        name.lowercased().filter { $0 != "-" && $0 != "_" }
    }
}
