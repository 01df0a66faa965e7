package import Aggregation
package import DifferentialPrivacy
private import LinearAlgebra

/// Draws the cohort of a round: a uniform sample, the same wherever and whenever the same clients are present.
package enum CohortSelection {
    /// What a sample is for; its number keeps the draws apart from every other use of the job's seed.
    package enum Purpose: UInt64, Sendable {
        case training = 0x636f_686f_7274  // "cohort"
        case evaluation = 0x6a75_7279  // "jury"
        case replacement = 0x7375_6273_7469_7475  // "substitu"
    }

    /// How many clients are asked so that `size` updates come in: ⌈size × overselect⌉.
    package static func count(of cohort: JobConfiguration.Cohort) -> Int {
        // 10 × 1.1 is 11.000000000000002, and 12 clients are not meant.
        let wanted = (Double(cohort.size) * cohort.overselect - 1e-9).rounded(.up)
        return max(cohort.size, Int(exactly: wanted) ?? cohort.size)
    }

    /// Returns `count` of the present clients, or all when there are fewer, sorted by name.
    ///
    /// - Parameters:
    ///   - present: Who can be asked, in any order.
    ///   - count: How many to draw.
    ///   - seed: The job's seed.
    ///   - round: The round that opens.
    ///   - attempt: How often this round was given up before; another attempt draws anew.
    ///   - purpose: What the clients are drawn for.
    /// - Returns: The chosen clients, sorted by name.
    package static func select(
        from present: some Sequence<ClientProfile>,
        count: Int,
        seed: UInt64,
        round: Int,
        attempt: Int = 0,
        for purpose: Purpose = .training
    ) -> [ClientProfile] {
        var pool = sortedByName(present)
        var generator = CounterGenerator(
            seed: seed,
            stream: [purpose.rawValue, UInt64(clamping: round), UInt64(clamping: attempt)]
        )
        // The first steps of a Fisher–Yates shuffle: a uniform sample without replacement.
        let drawn = min(max(count, 0), pool.count)
        for index in 0..<drawn {
            pool.swapAt(index, index + draw(below: pool.count - index, using: &generator))
        }
        return pool[..<drawn].sorted { $0.id < $1.id }
    }

    /// Returns each of the present clients by a coin of its own: a Poisson sample, of random size and perhaps empty.
    ///
    /// - Parameters:
    ///   - present: Who can be asked, in any order.
    ///   - rate: The probability of each, from 0 to 1.
    ///   - key: What the coins follow from. Who took part must stay unknown, or privacy gains nothing from it.
    /// - Returns: The chosen clients, sorted by name.
    package static func flipCoins(
        for present: some Sequence<ClientProfile>,
        rate: Double,
        key: NoiseKey
    ) -> [ClientProfile] {
        let candidates = sortedByName(present)
        let words = key.derived(for: "cohort").words(candidates.count, block: 0)
        // Compared as integers: 53 bits tell every rate from its neighbours, and rate 1 takes everybody.
        let threshold = UInt64(max(0, min(rate, 1)) * 0x1p53)
        return zip(candidates, words).filter { $0.1 >> 11 < threshold }.map(\.0)
    }

    /// Returns the clients whose turn a round is, where rounds of the same client have to lie apart.
    ///
    /// - Parameters:
    ///   - client: The client.
    ///   - round: The round, from 1.
    ///   - separation: How many rounds lie between two of the same client at least; 0 for no rule.
    /// - Returns: Whether the client may take part.
    package static func isTurn(of client: ClientID, inRound round: Int, separation: Int) -> Bool {
        guard separation > 0 else { return true }
        // By the name alone, so that no record is needed of who took part when.
        let digest = ContentDigest(hashing: Array(client.rawValue.utf8))
        let number = UInt64(digest.hexadecimal.prefix(15), radix: 16) ?? 0
        return number % UInt64(separation + 1) == UInt64((round - 1) % (separation + 1))
    }

    /// Returns the profiles in the order of their names; the last one counts where a name is given twice.
    ///
    /// A million names are sorted by numbers that stand for their first bytes, which is many times faster than by text.
    private static func sortedByName(_ present: some Sequence<ClientProfile>) -> [ClientProfile] {
        let profiles = Array(present)
        var keys = profiles.indices.map { (head: head(of: profiles[$0].id), place: $0) }
        keys.sort { left, right in
            if left.head != right.head { return left.head < right.head }
            let (first, second) = (profiles[left.place].id, profiles[right.place].id)
            return first == second ? left.place < right.place : first < second
        }
        return keys.indices.compactMap { index in
            let profile = profiles[keys[index].place]
            let isRepeated = index + 1 < keys.count && profiles[keys[index + 1].place].id == profile.id
            return isRepeated ? nil : profile
        }
    }

    /// The first 16 bytes of a name as a number that sorts as they do.
    private static func head(of client: ClientID) -> UInt128 {
        var head: UInt128 = 0
        var length = 0
        for byte in client.rawValue.utf8.prefix(16) {
            head = head << 8 | UInt128(byte)
            length += 1
        }
        return head << (8 * (16 - UInt128(length)))
    }

    /// A number in 0..<bound, each equally likely.
    private static func draw(below bound: Int, using generator: inout CounterGenerator) -> Int {
        let bound = UInt64(bound)
        // The draws that would make the first remainders likelier are drawn again.
        let surplus = (UInt64.max % bound + 1) % bound
        while true {
            let value = generator.next()
            if value <= UInt64.max - surplus { return Int(value % bound) }
        }
    }
}
