/// A picture as SVG, whose colours follow the reader's light or dark setting.
///
/// Coordinates are in pixels from the upper left corner. Texts are escaped here, so that no name in a run can become markup.
package struct SVGDocument: Sendable {
    /// Where a text's given place is.
    package enum Anchor: String {
        case start, middle, end
    }

    /// What something is drawn with: one of the palette's colours, or one that the picture's frame uses.
    package enum Ink: Hashable, Sendable {
        case series(Int)
        case text, faint, grid

        var value: String {
            switch self {
            case .series(let index): "var(--s\(index % Self.paletteSize))"
            case .text: "var(--text)"
            case .faint: "var(--faint)"
            case .grid: "var(--grid)"
            }
        }

        static let paletteSize = 8
    }

    package let width: Double
    package let height: Double
    /// What the picture shows, for those who cannot see it.
    package let description: String
    private var elements: [String] = []

    package init(width: Double, height: Double, description: String) {
        self.width = width
        self.height = height
        self.description = description
    }

    // MARK: - Drawing

    package mutating func line(from: (x: Double, y: Double), to: (x: Double, y: Double), _ ink: Ink, width: Double = 1)
    {
        elements.append(
            """
            <line x1="\(number(from.x))" y1="\(number(from.y))" x2="\(number(to.x))" y2="\(number(to.y))" \
            stroke="\(ink.value)" stroke-width="\(number(width))"/>
            """
        )
    }

    package mutating func polyline(_ points: [(x: Double, y: Double)], _ ink: Ink, dashed: Bool = false) {
        elements.append(
            """
            <polyline points="\(coordinates(points))" fill="none" stroke="\(ink.value)" stroke-width="2" \
            stroke-linejoin="round" stroke-linecap="round"\(dashed ? #" stroke-dasharray="5 4""# : "")/>
            """
        )
    }

    package mutating func area(_ outline: [(x: Double, y: Double)], _ ink: Ink) {
        elements.append(
            #"<polygon points="\#(coordinates(outline))" fill="\#(ink.value)" fill-opacity="0.16" stroke="none"/>"#
        )
    }

    /// A disc; `tip` appears when the pointer rests on it.
    package mutating func disc(at center: (x: Double, y: Double), radius: Double, _ ink: Ink, tip: String? = nil) {
        elements.append(
            """
            <circle cx="\(number(center.x))" cy="\(number(center.y))" r="\(number(radius))" fill="\(ink.value)">\
            \(title(tip))</circle>
            """
        )
    }

    package mutating func box(
        x: Double,
        y: Double,
        width: Double,
        height: Double,
        _ ink: Ink,
        opacity: Double = 1,
        tip: String? = nil
    ) {
        elements.append(
            """
            <rect x="\(number(x))" y="\(number(y))" width="\(number(width))" height="\(number(height))" \
            fill="\(ink.value)" fill-opacity="\(number(opacity))">\(title(tip))</rect>
            """
        )
    }

    package mutating func text(
        _ text: String,
        at place: (x: Double, y: Double),
        _ anchor: Anchor = .start,
        ink: Ink = .faint,
        size: Double = 12,
        isBold: Bool = false,
        rotation: Double = 0
    ) {
        let turn =
            rotation == 0 ? "" : #" transform="rotate(\#(number(rotation)) \#(number(place.x)) \#(number(place.y)))""#
        elements.append(
            """
            <text x="\(number(place.x))" y="\(number(place.y))" text-anchor="\(anchor.rawValue)" font-size="\(number(size))"\
            \(isBold ? #" font-weight="600""# : "") fill="\(ink.value)"\(turn)>\(MarkupText.escaped(text))</text>
            """
        )
    }

    // MARK: - Joining

    /// Puts pictures below each other into one.
    package static func stacked(_ pictures: [SVGDocument], description: String) -> SVGDocument {
        var joined = SVGDocument(
            width: pictures.map(\.width).max() ?? 0,
            height: pictures.reduce(0) { $0 + $1.height },
            description: description
        )
        var top = 0.0
        for picture in pictures {
            let shift = "translate(0 \(joined.number(top)))"
            joined.elements += ["<g transform=\"\(shift)\">"] + picture.elements + ["</g>"]
            top += picture.height
        }
        return joined
    }

    // MARK: - Writing

    /// The picture as a part of a page that has ``style``.
    package var element: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height))" role="img" \
        aria-label="\(MarkupText.escaped(description))" font-family="system-ui, sans-serif">
        \(elements.joined(separator: "\n"))
        </svg>

        """
    }

    /// The picture as a file of its own.
    package var file: String {
        element.replacing("\n", with: "\n<style>\(Self.style)</style>\n", maxReplacements: 1)
    }

    /// The colours: eight that people with any colour vision tell apart (after Okabe and Ito), and those of the frame.
    package static let style = """
        :root{--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#cc79a7;--s4:#b58900;--s5:#56b4e9;--s6:#7b5ea7;--s7:#666666;\
        --text:#1b1f24;--faint:#57606a;--grid:#e1e4e8;--page:#ffffff;--card:#f6f8fa}\
        @media (prefers-color-scheme:dark){:root{--s0:#4aa8e0;--s1:#f08a4b;--s2:#3cc79b;--s3:#e29cc4;--s4:#e6c34a;\
        --s5:#8fd0f7;--s6:#b195dd;--s7:#a8a8a8;--text:#e6edf3;--faint:#9aa4af;--grid:#30363d;--page:#0d1117;--card:#161b22}}
        """

    private func title(_ tip: String?) -> String { tip.map { "<title>\(MarkupText.escaped($0))</title>" } ?? "" }

    private func coordinates(_ points: [(x: Double, y: Double)]) -> String {
        points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    }

    /// A tenth of a pixel is as fine as anybody sees.
    private func number(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }
}
