/// The table of strategies in the article "Choosing a strategy", made from their profiles.
package enum StrategyTable {
    /// The table in Markdown, one row a strategy, without a line break at its end.
    package static var markdown: String {
        let head = [
            "strategy", "ranks", "exact", "sent", "received", "noise for privacy", "secure sums", "new basis",
            "base model",
        ]
        let rows = StrategyRegistry.profiles.map { profile in
            [
                "`\(profile.name)`",
                profile.ranks.rawValue,
                profile.isExact ? "yes" : "no",
                profile.sent,
                profile.received,
                profile.privacy,
                profile.needsIndividualUpdates ? "no" : "yes",
                profile.rebasesFactors ? "every round" : "never",
                profile.changesBaseModel ? "changes" : "stays",
            ]
        }
        return ([head, head.map { _ in "---" }] + rows)
            .map { "| " + $0.joined(separator: " | ") + " |" }
            .joined(separator: "\n")
    }
}
