#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension PayloadDigest {
    /// The 32 bytes as a message carries them.
    package var message: Data { Data(bytes) }
}
