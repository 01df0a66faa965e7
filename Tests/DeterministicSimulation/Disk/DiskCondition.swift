/// What is wrong with the disk of one process.
struct DiskCondition: Hashable, Sendable {
    /// No byte more fits.
    var isFull = false
    /// The next fsync fails, and what it was to force to disk is lost; programs go on reading it from memory until the power is gone.
    var failsNextSync = false
    /// The process dies at so many changes from now on; before that change, or right after it.
    var changesUntilDeath: Int?
    var diesAfterChange = false

    init() {}
}
