import Plotting

/// A picture of a report with what a reader should see in it.
struct Figure: Sendable {
    /// The name of its SVG file, without the ending.
    let name: String
    let picture: SVGDocument
    let caption: String
}
