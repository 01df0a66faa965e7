/// A trained adapter, ready to be offered: what is said about it, and the bytes that the digest names.
///
/// The payload holds tensors under PEFT's names and nothing else: no path, no name and no date of the silo.
package struct FinishedUpdate: Hashable, Sendable {
    package let offer: UpdateOffer
    /// The bytes of a safetensors file.
    package let payload: [UInt8]

    package init(offer: UpdateOffer, payload: [UInt8]) {
        self.offer = offer
        self.payload = payload
    }
}
