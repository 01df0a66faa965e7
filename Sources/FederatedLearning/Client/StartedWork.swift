package import Adapters

/// A training order that a client has accepted, with what its trainer starts from.
package struct StartedWork: Sendable {
    package let order: WorkOrder
    /// What the server handed out.
    let handed: LoRAAdapter
    /// What the trainer starts from: at the client's own rank, with its personal parts and control variates.
    package let adapter: LoRAAdapter
    /// Present when gradients are corrected by control variates.
    let controls: ControlVariates?
}
