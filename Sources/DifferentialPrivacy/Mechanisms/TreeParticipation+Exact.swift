extension TreeParticipation {
    /// The worst cases of a stretch of steps, by how often and how near to its ends somebody takes part.
    private struct Worst {
        /// How many steps it has.
        let length: Int
        /// The most participations it has room for, or that are allowed.
        let largestCount: Int
        /// For `count` participations, of which the first has at least `left` steps before it and the last at least `right`
        /// after it, the largest sum of squares; −1 when there is no room for them.
        private(set) var sums: [Int]
        private let width: Int

        init(length: Int, largestCount: Int, gap: Int) {
            (self.length, self.largestCount, width) = (length, largestCount, gap + 1)
            sums = [Int](repeating: -1, count: (largestCount + 1) * width * width)
        }

        subscript(count: Int, left: Int, right: Int) -> Int {
            get { sums[(count * width + left) * width + right] }
            set { sums[(count * width + left) * width + right] = newValue }
        }

        /// Puts the node over the stretch on top.
        mutating func addNode() {
            for count in 1...largestCount {
                for place in count * width * width..<(count + 1) * width * width where sums[place] >= 0 {
                    sums[place] += count * count
                }
            }
        }
    }

    /// The worst case, by dynamic programming over complete subtrees.
    ///
    /// - Complexity: O(gap³·c²·log steps) for gap = ``minimumSeparation`` + 1 and c participations.
    var exact: Int {
        let gap = minimumSeparation + 1
        // A single step: nobody, or one participation with no steps beside it.
        var tree = Worst(length: 1, largestCount: 1, gap: gap)
        for left in 0...gap { for right in 0...gap { tree[0, left, right] = 0 } }
        tree[1, 0, 0] = 1
        // The steps divide into a complete tree for each bit of their number, the largest first.
        var forest: Worst?
        for level in 0..<Int.bitWidth where steps >> level > 0 {
            if steps >> level & 1 == 1 {
                forest = forest.map { joined(tree, $0, gap: gap) } ?? tree
            }
            guard steps >> (level + 1) > 0 else { break }
            tree = joined(tree, tree, gap: gap)
            tree.addNode()
        }
        guard let forest else { return 0 }
        return (0...forest.largestCount).map { forest[$0, 0, 0] }.max() ?? 0
    }

    /// Two stretches one after the other.
    private func joined(_ first: Worst, _ second: Worst, gap: Int) -> Worst {
        let length = first.length + second.length
        let most = min(maximum, first.largestCount + second.largestCount, (length - 1) / gap + 1)
        var all = Worst(length: length, largestCount: most, gap: gap)
        for left in 0...gap {
            for right in 0...gap {
                all[0, left, right] = 0
                for count in 1...most {
                    var best = -1
                    if count <= first.largestCount {
                        // The second stretch is free.
                        best = max(best, first[count, left, max(0, right - second.length)])
                    }
                    if count <= second.largestCount {
                        best = max(best, second[count, max(0, left - first.length), right])
                    }
                    for early in max(1, count - second.largestCount)...max(1, min(first.largestCount, count - 1))
                    where early < count {
                        let late = count - early
                        // Between two participations lie the steps after the one and those before the other.
                        for after in 0..<gap {
                            let (a, b) = (first[early, left, after], second[late, gap - 1 - after, right])
                            if a >= 0, b >= 0 { best = max(best, a + b) }
                        }
                    }
                    all[count, left, right] = best
                }
            }
        }
        return all
    }
}
