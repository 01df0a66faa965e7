/// A reader of bytes from outside, as fuzzers and the replay of their findings call it.
///
/// An input may be refused with an error. It must not trap, leak, run for ever, or break what the target checks of inputs
/// that are accepted.
package enum FuzzTarget: String, Sendable, CaseIterable {
    /// A stream of frames.
    case frames
    /// What a client says and a server does, step by step.
    case conversation
    case safetensors
    /// `adapter_config.json`.
    case adapterConfiguration = "adapter-configuration"
    /// The YAML of a job.
    case jobFile = "job-file"
    case joinString = "join-string"
    /// PKCS #10 in DER.
    case certificateRequest = "certificate-request"
    /// `tokenizer.json`.
    case tokenizer

    /// Reads one input.
    package func run(_ bytes: [UInt8]) {
        switch self {
        case .frames: FrameFuzzing.run(bytes)
        case .conversation: ConversationFuzzing.run(bytes)
        case .safetensors: SafetensorsFuzzing.run(bytes)
        case .adapterConfiguration: AdapterConfigurationFuzzing.run(bytes)
        case .jobFile: JobFileFuzzing.run(bytes)
        case .joinString: JoinStringFuzzing.run(bytes)
        case .certificateRequest: CertificateRequestFuzzing.run(bytes)
        case .tokenizer: TokenizerFuzzing.run(bytes)
        }
    }
}
