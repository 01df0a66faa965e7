/// What a partitioner sees of the data: for each row, which label it has and which value of a field.
package struct PartitionInput: Sendable {
    /// The label of each row, as a place in ``labelNames``; all 0 where texts have no labels.
    package var labels: [Int32]
    package var labelNames: [String]
    /// The value of the partition's field in each row, as a place in ``fieldValues``; empty when there is no field.
    package var fields: [Int32]
    package var fieldValues: [String]
    package var trainingRows: [Int]
    package var heldOutRows: [Int]

    package init(
        labels: [Int32],
        labelNames: [String],
        fields: [Int32] = [],
        fieldValues: [String] = [],
        trainingRows: [Int],
        heldOutRows: [Int]
    ) {
        self.labels = labels
        self.labelNames = labelNames
        self.fields = fields
        self.fieldValues = fieldValues
        self.trainingRows = trainingRows
        self.heldOutRows = heldOutRows
    }

    /// The rows of each label, in their order.
    func byLabel(_ rows: [Int]) -> [[Int]] { Self.group(rows, by: labels, count: max(labelNames.count, 1)) }

    /// The rows of each value of the field, in their order.
    func byField(_ rows: [Int]) -> [[Int]] { Self.group(rows, by: fields, count: fieldValues.count) }

    private static func group(_ rows: [Int], by keys: [Int32], count: Int) -> [[Int]] {
        var groups = [[Int]](repeating: [], count: count)
        for row in rows { groups[Int(keys[row])].append(row) }
        return groups
    }
}
