/// Keeps where one long training stands, so that it goes on after its process has ended instead of beginning again.
///
/// The engine asks ``latest()`` once before the first step, and ``isDue()`` after every step.
package protocol TrainingCheckpoints: Sendable {
    /// Where an earlier attempt at the same training stood; `nil` when none is known.
    func latest() -> TrainingCheckpoint?

    /// Whether it is time to keep where the training stands now.
    func isDue() -> Bool

    /// Keeps where the training stands.
    ///
    /// A disk that refuses is no reason to stop training, so this does not throw.
    func keep(_ checkpoint: TrainingCheckpoint)
}
