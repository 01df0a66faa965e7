private import Aggregation
package import FederatedLearning

/// Everything that was measured in a job, as CSV (RFC 4180).
package enum MeasurementTable {
    /// Returns a header line and a line for each figure; the client of a figure of the whole cohort is empty.
    package static func csv(_ measurements: [FederatedLearning.Measurement]) -> String {
        var text = "round,client,phase,name,value\n"
        for figure in measurements {
            let fields = [
                "\(figure.round)", figure.client?.description ?? "", figure.phase, figure.name, "\(figure.value)",
            ]
            text += fields.map(quoted).joined(separator: ",") + "\n"
        }
        return text
    }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"\(field.replacing("\"", with: "\"\""))\""
    }
}
