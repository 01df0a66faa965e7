/// An accepted update that waits for its step, with what it was trained from.
///
/// A change is what came back minus what was handed out, so what was handed out is kept as long as the update is. No old
/// global adapter is needed for it.
package struct BufferedUpdate: Hashable, Sendable, Codable {
    package let offer: UpdateOffer
    package let task: AsynchronousTask

    package init(offer: UpdateOffer, task: AsynchronousTask) {
        self.offer = offer
        self.task = task
    }
}
