import Plotting

/// A page that needs nothing from anywhere else: text, pictures and tables in one file, and no script.
struct ReportPage {
    private let title: String
    private var body = ""

    /// Begins a page; `subtitle` says what it is about in one line.
    init(title: String, subtitle: String) {
        self.title = title
        body += "<h1>\(MarkupText.escaped(title))</h1>\n<p class=\"lead\">\(MarkupText.escaped(subtitle))</p>\n"
    }

    /// Adds key figures, the most important first.
    mutating func add(tiles: [(name: String, value: String)]) {
        let tiles = tiles.map { name, value in
            "<div class=\"tile\"><b>\(MarkupText.escaped(value))</b><span>\(MarkupText.escaped(name))</span></div>"
        }
        body += "<div class=\"tiles\">\(tiles.joined())</div>\n"
    }

    mutating func add(_ figures: [Figure]) {
        let figures = figures.map { figure in
            "<figure>\(figure.picture.element)<figcaption>\(MarkupText.escaped(figure.caption))</figcaption></figure>"
        }
        body += "<div class=\"figures\">\(figures.joined(separator: "\n"))</div>\n"
    }

    mutating func add(table header: [String], _ rows: [[String]]) {
        func line(_ cells: [String], _ tag: String) -> String {
            "<tr>" + cells.map { "<\(tag)>\(MarkupText.escaped($0))</\(tag)>" }.joined() + "</tr>"
        }
        let lines = rows.map { line($0, "td") }.joined(separator: "\n")
        body +=
            "<div class=\"scroll\"><table><thead>\(line(header, "th"))</thead><tbody>\(lines)</tbody></table></div>\n"
    }

    /// Adds a text that opens on demand.
    mutating func add(details: String, of name: String) {
        body += """
            <details><summary>\(MarkupText.escaped(name))</summary><pre>\(MarkupText.escaped(details))</pre></details>

            """
    }

    mutating func add(heading: String) { body += "<h2>\(MarkupText.escaped(heading))</h2>\n" }

    /// The page.
    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>\(MarkupText.escaped(title))</title><style>\(SVGDocument.style)\(Self.style)</style></head><body><main>
        \(body)</main></body></html>

        """
    }

    private static let style = """
        *{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}\
        main{max-width:1340px;margin:0 auto;padding:24px}h1{font-size:26px;margin:0}h2{font-size:19px;margin:32px 0 12px}\
        .lead{color:var(--faint);margin:4px 0 20px}.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:20px}\
        .tile{background:var(--card);border:1px solid var(--grid);border-radius:8px;padding:10px 16px;min-width:120px}\
        .tile b{display:block;font-size:21px;font-variant-numeric:tabular-nums}.tile span{color:var(--faint);font-size:13px}\
        .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px}\
        figure{margin:0;padding:8px;background:var(--card);border:1px solid var(--grid);border-radius:8px}\
        figure svg{width:100%;height:auto;display:block}figcaption{color:var(--faint);font-size:13px;padding:4px 10px 6px}\
        .scroll{overflow-x:auto;margin-top:16px}table{border-collapse:collapse;font-size:13px;\
        font-variant-numeric:tabular-nums}th,td{padding:4px 12px;text-align:right;border-bottom:1px solid var(--grid);\
        white-space:nowrap}th:first-child,td:first-child{text-align:left}th{color:var(--faint);font-weight:600}\
        details{margin-top:20px}summary{cursor:pointer}pre{background:var(--card);border:1px solid var(--grid);\
        border-radius:8px;padding:12px;overflow-x:auto;font-size:13px}
        """
}
