/// The enrolment listener's end: one request, one response.
package struct EnrolmentServerConversation: Sendable {
    private var isAsked = false

    package init() {}

    /// Judges the stranger's only frame.
    ///
    /// - Throws: ``ProtocolViolation`` when it is anything but a first, well-formed EnrolmentRequest.
    package mutating func received(_ frame: Frame) throws(ProtocolViolation) -> Tributary_V1_EnrolmentRequest {
        guard case .control(let control) = frame else {
            throw .outOfTurn(message: "A chunk", state: "EnrolmentRequest is awaited")
        }
        guard let message = control.message else { throw .unknownMessage }
        guard !isAsked, case .enrolmentRequest(let request) = message else {
            throw .outOfTurn(
                message: message.name,
                state: isAsked ? "the request is judged" : "EnrolmentRequest is awaited"
            )
        }
        let check = MessageChecks(message: message.name)
        guard EnrolmentSecret.lengths.contains(request.secret.count) else {
            throw check.fail("secret", "has not \(EnrolmentSecret.lengths) bytes")
        }
        try check.certificateRequest(request.certificateRequest)
        isAsked = true
        return request
    }
}

/// The joining client's end: one request, one response.
package struct EnrolmentClientConversation: Sendable {
    private var isAnswered = false

    package init() {}

    /// Judges the listener's only frame.
    ///
    /// - Throws: ``ProtocolViolation`` when it is anything but a first, well-formed EnrolmentResponse.
    package mutating func received(_ frame: Frame) throws(ProtocolViolation) -> Tributary_V1_EnrolmentResponse {
        guard case .control(let control) = frame else {
            throw .outOfTurn(message: "A chunk", state: "EnrolmentResponse is awaited")
        }
        guard let message = control.message else { throw .unknownMessage }
        guard !isAnswered, case .enrolmentResponse(let response) = message else {
            throw .outOfTurn(message: message.name, state: "EnrolmentResponse is awaited")
        }
        let check = MessageChecks(message: message.name)
        try check.reason(response.reason)
        if response.accepted {
            guard !response.certificate.isEmpty else { throw check.fail("certificate", "is empty") }
            guard !response.authority.isEmpty else { throw check.fail("authority", "is empty") }
            try check.authorities(
                response.furtherAuthorities,
                "further_authorities",
                in: 0...MessageChecks.mostAuthorities - 1
            )
            guard ClientName.isValid(response.client) else { throw check.fail("client", "is not a client's name") }
            guard !response.host.isEmpty else { throw check.fail("host", "is empty") }
            try check.text(response.host, "host")
            guard (1...65535).contains(response.port) else { throw check.fail("port", "is not in 1...65535") }
        }
        isAnswered = true
        return response
    }
}

/// Bounds on what a stranger may send.
package enum EnrolmentSecret {
    /// How many bytes a secret may have: 128 bits at least.
    package static let lengths = 16...64
    static let longestCertificateRequest = 8 << 10
}
