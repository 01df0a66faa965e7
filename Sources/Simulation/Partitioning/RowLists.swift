/// Lists of rows, one a client, in one block of memory.
package struct RowLists: Hashable, Sendable {
    private var rows: [Int] = []
    /// Where each list starts, and last where they end.
    private var starts: [Int] = [0]

    package init(_ lists: some Sequence<[Int]> = EmptyCollection<[Int]>()) {
        for list in lists { append(list) }
    }

    package var count: Int { starts.count - 1 }

    package subscript(client: Int) -> ArraySlice<Int> { rows[starts[client]..<starts[client + 1]] }

    mutating func append(_ list: some Sequence<Int>) {
        rows += list
        starts.append(rows.count)
    }

    /// How many rows there are in all lists.
    package var total: Int { rows.count }
}
