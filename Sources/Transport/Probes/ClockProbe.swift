package import Foundation

/// Whether a clock agrees with that of the machine that issued a certificate.
///
/// A certificate says when it was issued by the issuer's clock. It cannot have come to a disk before that: where the
/// file is older than its certificate by the clock here, this clock is behind. What is later proves nothing, because
/// files are copied.
package enum ClockProbe {
    /// Certificates begin that much before they are issued, so that clocks may differ a little.
    private static var tolerance: TimeInterval { CertificateAuthority.clockTolerance.seconds }

    /// Compares the clock with a certificate.
    ///
    /// - Parameters:
    ///   - certificate: A certificate that another machine issued, or this one.
    ///   - written: When its file was written, by the clock here; `nil` when that is not known.
    ///   - now: The clock here.
    /// - Returns: Whether this clock can be right.
    package static func finding(_ certificate: NodeCertificate, written: Date?, now: Date) -> Finding {
        let issued = certificate.notValidBefore.addingTimeInterval(tolerance)
        let text = now.formatted(.iso8601)
        let remedy = "Set the clock, and keep it by a time service such as chrony or systemd-timesyncd."
        // The issuer rounds to seconds.
        if issued.timeIntervalSince(now) > 2 {
            return Finding(
                "clock",
                isWell: false,
                "It is \(text) here, before the certificate was issued at \(issued.formatted(.iso8601)). \(remedy)"
            )
        }
        if let written, issued.timeIntervalSince(written) > tolerance {
            let seconds = Int(issued.timeIntervalSince(written))
            return Finding(
                "clock",
                isWell: false,
                "It was \(seconds) s behind that of the authority when the certificate came. \(remedy)"
            )
        }
        return Finding("clock", isWell: true, text)
    }
}
