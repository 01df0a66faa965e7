/// Every attack, in groups.
package enum AttackCatalogue {
    /// The groups, each after the file that holds it.
    package static let groups: [[Attack]] = [
        FrameAttacks.all, HandshakeAttacks.all, ConversationAttacks.all, SafetensorsAttacks.all, TransferAttacks.all,
        AdapterAttacks.all, IdentityAttacks.all, FloodAttacks.all, AdminAttacks.all,
    ]

    package static let all: [Attack] = groups.flatMap { $0 }

    /// Those that take no deadline's time: what `make test` runs.
    package static let short: [Attack] = all.filter { !$0.takesLong }
}
