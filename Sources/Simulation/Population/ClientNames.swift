package import Aggregation

/// How clients are called: by what the data calls them, or by number.
///
/// Client i is the i-th in the order of names, so that indices sort as identifiers do.
package struct ClientNames: Sendable {
    private enum Names: Sendable {
        case numbered(digits: Int)
        case given([ClientID], places: [ClientID: Int])
    }

    private static let prefix = "client-"

    private let names: Names
    package let count: Int

    /// Names so many clients by number, all numbers being equally long.
    package init(count: Int) {
        self.names = .numbered(digits: String(max(count - 1, 0)).utf8.count)
        self.count = count
    }

    /// Takes given names, which differ and are sorted.
    package init(_ names: [String]) {
        let ids = names.map(ClientID.init(_:))
        precondition(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, "names of clients in no order")
        self.names = .given(ids, places: Dictionary(uniqueKeysWithValues: zip(ids, 0...)))
        self.count = ids.count
    }

    package subscript(index: Int) -> ClientID {
        switch names {
        case .numbered(let digits):
            let number = String(index)
            return ClientID(
                Self.prefix + String(repeating: "0", count: max(digits - number.utf8.count, 0)) + number
            )
        case .given(let ids, _): return ids[index]
        }
    }

    /// The index of a client; `nil` for a stranger.
    package func index(of client: ClientID) -> Int? {
        switch names {
        case .numbered(let digits):
            let digitsOfName = client.rawValue.utf8.dropFirst(Self.prefix.utf8.count)
            let isNumber = digitsOfName.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard digitsOfName.count == digits, isNumber, client.rawValue.hasPrefix(Self.prefix),
                let index = Int(Substring(digitsOfName)), (0..<count).contains(index)
            else { return nil }
            return index
        case .given(_, let places): return places[client]
        }
    }
}
