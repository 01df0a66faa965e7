import LinearAlgebra
import Synchronization

/// What the layers below every adapter make of texts, found once for each text.
///
/// Nothing changes these layers, so that a text's rows are the same bits in every round, whichever texts they are computed
/// with. Where adapters sit in upper layers only, most of a forward pass is then a copy.
///
/// It is full at a limit and stays so: an epoch goes over all texts, and whatever were put in a text's place would be put
/// out again before it is asked for.
final class FrozenPrefix: Sendable {
    private struct Key: Hashable {
        let depth: Int
        let tokens: [Int32]
    }

    private struct Memory {
        var rows: [Key: [Float]] = [:]
        var elementCount = 0
    }

    private let memory = Mutex(Memory())
    private let elementLimit: Int

    /// - Parameter byteLimit: How much it keeps; 0 for nothing.
    init(byteLimit: Int = 256 << 20) { elementLimit = byteLimit / MemoryLayout<Float>.stride }

    /// How many texts are known.
    var count: Int { memory.withLock { $0.rows.count } }

    /// Finds the rows of all texts, running those through the layers that are not known.
    ///
    /// - Parameters:
    ///   - texts: The texts of a pass.
    ///   - depth: How many layers are below the lowest adapter, at least 1.
    ///   - rows: Receives a row a token.
    ///   - run: Runs texts through the layers and returns their rows; called when there are any that are not known.
    func complete(
        _ texts: PackedTexts,
        depth: Int,
        into rows: inout [Float],
        running run: (PackedTexts) -> [Float]
    ) {
        let keys = texts.map { Key(depth: depth, tokens: Array(texts.tokens[$0])) }
        let known = memory.withLock { memory in keys.map { memory.rows[$0] } }
        var missing = PackedTexts()
        for (text, known) in zip(texts, known) where known == nil { missing.append(texts.tokens[text]) }
        var found: [Float] = []
        if !missing.isEmpty {
            found = run(missing)
            keep(found, of: missing, depth: depth)
        }
        guard missing.count < texts.count else { return rows = found }
        let width =
            missing.isEmpty
            ? (known.lazy.compactMap(\.self).first?.count ?? 0) / texts[0].count : found.count / missing.tokenCount
        rows.resize(to: texts.tokenCount * width)
        var next = 0
        for (text, known) in zip(texts, known) {
            let target = text.lowerBound * width..<text.upperBound * width
            if let known {
                rows.replace(target, with: known)
            } else {
                rows.replace(target, with: found, from: next)
                next += target.count
            }
        }
    }

    /// Keeps what the layers made of texts, as far as there is room.
    private func keep(_ rows: [Float], of texts: PackedTexts, depth: Int) {
        let width = rows.count / max(texts.tokenCount, 1)
        memory.withLock { memory in
            for text in texts {
                let key = Key(depth: depth, tokens: Array(texts.tokens[text]))
                let count = text.count * width
                guard memory.rows[key] == nil, memory.elementCount + count <= elementLimit else { continue }
                memory.rows[key] = Array(rows[text.lowerBound * width..<text.upperBound * width])
                memory.elementCount += count
            }
        }
    }
}
