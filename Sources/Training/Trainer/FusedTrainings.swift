import FederatedLearning

/// The trainings that one thread works on, a step of each at a time.
///
/// Trainings join while the policy lets them and leave when they have taken their last step.
struct FusedTrainings {
    private struct Member {
        let place: Int
        var session: TrainingSession
        /// How many tokens a step has, on average.
        let tokens: Double
        /// Its segments in the step at hand.
        var segments = 0..<0
    }

    /// How many may be under way, so that every thread gets its share.
    private let limit: Int
    private let policy: FusingPolicy
    private let corpus: TextCorpus
    private var members: [Member] = []

    init(limit: Int, policy: FusingPolicy, corpus: TextCorpus) {
        self.limit = limit
        self.policy = policy
        self.corpus = corpus
    }

    /// Works until the queue is empty and all trainings have ended, or the queue is cancelled.
    mutating func run(
        from queue: TrainingQueue,
        factory: SessionFactory,
        pass: inout TrainingPass,
        progress: (Int, TrainingProgress) -> Void
    ) {
        while true {
            // The flag is the caller's task's, which only the calling thread can ask.
            if queue.isCancelled { return }
            admit(from: queue, factory: factory)
            if members.isEmpty { return }
            step(with: &pass, queue: queue, progress: progress)
        }
    }

    private mutating func admit(from queue: TrainingQueue, factory: SessionFactory) {
        while members.count < limit,
            policy.takesMore(than: members.count, tokens: members.reduce(0) { $0 + $1.tokens }),
            let place = queue.next()
        {
            do {
                let session = try factory.session(place)
                let tokens = factory.tokensPerStep(place, corpus: corpus)
                members.append(Member(place: place, session: session, tokens: tokens))
            } catch {
                queue.finish(place, .failure(error))
            }
        }
    }

    /// Takes one step of every member, and lets those go that have no more.
    private mutating func step(
        with pass: inout TrainingPass,
        queue: TrainingQueue,
        progress: (Int, TrainingProgress) -> Void
    ) {
        var segments: [TrainingSegment] = []
        var ended: Set<Int> = []
        for index in members.indices {
            if let own = members[index].session.beginStep(corpus: corpus) {
                members[index].segments = segments.count..<segments.count + own.count
                segments += own
            } else {
                let session = members[index].session
                queue.finish(members[index].place, Result { try session.outcome() })
                ended.insert(members[index].place)
            }
        }
        members.removeAll { ended.contains($0.place) }
        guard !members.isEmpty else { return }
        pass.run(segments)
        // Let go, so that each session changes its adapter in place.
        segments = []
        var failed: Set<Int> = []
        for index in members.indices {
            for segment in members[index].segments {
                pass.withGradient(of: segment) {
                    members[index].session.add(loss: pass.losses[segment], gradient: $0)
                }
            }
            do {
                progress(members[index].place, try members[index].session.finishStep())
            } catch {
                queue.finish(members[index].place, .failure(error))
                failed.insert(members[index].place)
            }
        }
        members.removeAll { failed.contains($0.place) }
    }
}
