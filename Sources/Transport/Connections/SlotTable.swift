import NIOCore

/// Who holds which of a listener's places, in the order of arrival.
struct SlotTable: Sendable {
    private struct Holder: Sendable {
        let channel: any Channel
        /// `nil` while the holder is a stranger.
        var member: String?
    }

    /// By number; numbers count arrivals.
    private var holders: [Int: Holder] = [:]
    private var numbers: [ObjectIdentifier: Int] = [:]
    /// Each member's connections, the oldest first.
    private var members: [String: [Int]] = [:]
    private var arrivals = 0
    /// No stranger has a lower number.
    private var oldestStranger = 0
    private(set) var strangerCount = 0

    var count: Int { holders.count }
    var channels: [any Channel] { holders.values.map(\.channel) }

    /// Gives a stranger a place.
    ///
    /// - Returns: Its number.
    mutating func insert(_ channel: any Channel) -> Int {
        let number = arrivals
        arrivals += 1
        holders[number] = Holder(channel: channel)
        numbers[ObjectIdentifier(channel)] = number
        strangerCount += 1
        return number
    }

    /// Takes the place of the stranger that has had one for the longest time.
    ///
    /// - Returns: Its channel, to be closed.
    /// - Complexity: Constant on average: every number is passed once.
    mutating func removeOldestStranger() -> (any Channel)? {
        while oldestStranger < arrivals {
            defer { oldestStranger += 1 }
            guard let holder = holders[oldestStranger], holder.member == nil else { continue }
            remove(oldestStranger)
            return holder.channel
        }
        return nil
    }

    /// Makes a stranger a member.
    ///
    /// - Returns: The member's oldest connection, to be closed, when it has more than `limit`.
    mutating func prove(_ channel: any Channel, isOf member: String, atMost limit: Int) -> (any Channel)? {
        guard let number = numbers[ObjectIdentifier(channel)], holders[number]?.member == nil else { return nil }
        holders[number]?.member = member
        strangerCount -= 1
        members[member, default: []].append(number)
        guard let own = members[member], own.count > limit, let oldest = own.first else { return nil }
        let closing = holders[oldest]?.channel
        remove(oldest)
        return closing
    }

    /// Frees a place; nothing happens when it is free.
    mutating func remove(_ number: Int) {
        guard let holder = holders.removeValue(forKey: number) else { return }
        numbers[ObjectIdentifier(holder.channel)] = nil
        guard let name = holder.member else {
            strangerCount -= 1
            return
        }
        members[name]?.removeAll { $0 == number }
        if members[name]?.isEmpty == true { members[name] = nil }
    }
}
