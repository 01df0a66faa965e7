/// The version of the protocol that this package speaks.
///
/// The version counts changes that an older peer cannot ignore. A client states the version that it speaks in Hello; a
/// server that does not speak it says Goodbye with CODE_VERSION_UNSUPPORTED.
package enum ProtocolVersion {
    package static let current: UInt32 = 1
}
