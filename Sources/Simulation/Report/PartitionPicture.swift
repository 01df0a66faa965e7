import Plotting

/// Which client has how much of what: a disc for each label of each client, by area.
struct PartitionPicture: Sendable {
    /// More clients than these are not told apart in a picture of this width.
    private static let mostClients = 120

    let clients: [String]
    let labels: [String]
    /// How many training examples of each label each client has.
    let counts: [[Double]]
    /// How many clients there are in all.
    let clientCount: Int

    init(_ table: RunTable) {
        let first = (table.columns.firstIndex(of: "held_out_examples") ?? table.columns.count - 1) + 1
        labels = Array(table.columns.dropFirst(first))
        clientCount = table.rows.count
        let shown = table.rows.prefix(Self.mostClients)
        clients = shown.map { $0.first ?? "" }
        counts = shown.map { row in row.dropFirst(first).map { Double($0) ?? 0 } }
    }

    /// Whether there is something to see: at least two labels.
    var isEmpty: Bool { clients.isEmpty || labels.count < 2 }

    func drawn() -> SVGDocument {
        let left = (labels.map { ChartFrame.width(of: Self.shortened($0)) }.max() ?? 40) + 20
        let rowHeight = max(16, min(34, 360 / Double(labels.count)))
        let title =
            clientCount > clients.count
            ? "Training examples by client and label (the first \(clients.count) of \(clientCount) clients)"
            : "Training examples by client and label"
        var frame = ChartFrame(
            title: title,
            legend: [],
            plotHeight: rowHeight * Double(labels.count),
            leftMargin: left
        )
        let most = counts.joined().max() ?? 1
        for (row, label) in labels.enumerated() {
            let up = 1 - (Double(row) + 0.5) / Double(labels.count)
            let middle = frame.column(0, of: 1, from: up, to: up)
            frame.document.line(from: (left, middle.y), to: (ChartFrame.width - 24, middle.y), .grid)
            frame.document.text(Self.shortened(label), at: (left - 10, middle.y + 4), .end)
            for client in clients.indices where counts[client][row] > 0 {
                let place = frame.column(client, of: clients.count, from: up, to: up)
                let count = counts[client][row]
                let largest = min(rowHeight / 2 - 1, max(place.w * 0.6, 3))
                frame.document.disc(
                    at: (place.x + place.w / 2, place.y),
                    radius: max(0.6, largest * (count / most).squareRoot()),
                    .series(row),
                    tip: "\(clients[client]), \(label): \(FigureText.of(count, .plain))"
                )
            }
        }
        frame.drawBase()
        frame.drawLabels(x: "client", y: "")
        drawNames(in: &frame)
        return frame.document
    }

    /// A label as long as fits beside the picture.
    private static func shortened(_ label: String) -> String {
        label.count <= 28 ? label : label.prefix(27) + "…"
    }

    private func drawNames(in frame: inout ChartFrame) {
        let widest = clients.map(ChartFrame.width(of:)).max() ?? 0
        let width = frame.column(0, of: clients.count, from: 0, to: 0).w
        let stride = max(1, Int(((widest + 8) / max(width, 0.1)).rounded(.up)))
        for client in clients.indices where client.isMultiple(of: stride) {
            let place = frame.column(client, of: clients.count, from: 0, to: 0)
            frame.document.text(clients[client], at: (place.x + place.w / 2, place.y + 18), .middle)
        }
    }
}
