/// A row of the threat table in `SECURITY.md`, by the word in its first column.
package enum Threat: String, Sendable, CaseIterable {
    case frameLength = "frame-length"
    case frameForm = "frame-form"
    case messageForm = "message-form"
    case conversation
    case replay
    case transfer
    case safetensors
    case code
    case adapterFit = "adapter-fit"
    case adapterValues = "adapter-values"
    case claims
    case stranger
    case certificate
    case enrolment
    case revocation
    case flood
    case slowness
    case hoarding
    case disk
    case adminAccess = "admin-access"
    case adminInput = "admin-input"
    case peerText = "peer-text"
}
