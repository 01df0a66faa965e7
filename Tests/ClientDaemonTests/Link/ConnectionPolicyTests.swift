import ClientDaemon
import Testing
import Transport
import WireProtocol

@Suite("ConnectionPolicy")
struct ConnectionPolicyTests {
    @Test("only a server's final word stops the daemon")
    func judgesGoodbyes() {
        typealias Code = Tributary_V1_Goodbye.Code
        let stops: [(Code, Refusal)] = [
            (.revoked, .revoked(reason: "r")), (.versionUnsupported, .incompatible(reason: "r")),
            (.replaced, .replaced(reason: "r")),
        ]
        for (code, refusal) in stops {
            #expect(ConnectionPolicy.decision(after: .goodbye(code, reason: "r")) == .stop(refusal))
        }
        for code in [Code.unspecified, .shuttingDown, .protocolError, .tooLarge, .idle] {
            #expect(
                ConnectionPolicy.decision(after: .goodbye(code, reason: "r")) == .retry(kind: "closed", problem: "r")
            )
        }
        #expect(
            ConnectionPolicy.decision(after: .closed)
                == .retry(kind: "closed", problem: "The server closed the connection.")
        )
    }

    @Test("every failure to connect names its class and what to do")
    func judgesErrors() {
        let failures: [(TransportError, String)] = [
            (.unknownHost("h"), "DNS"), (.refused(host: "h", port: 1), "refused"),
            (.unreachable(host: "h", port: 1, reason: "r"), "unreachable"), (.tls(reason: "r"), "TLS"),
            (.untrusted(reason: "r"), "identity"), (.lost(reason: "r"), "lost"),
        ]
        for (error, kind) in failures {
            #expect(
                ConnectionPolicy.decision(after: error, certificateHasEnded: false)
                    == .retry(kind: kind, problem: error.description)
            )
        }
        #expect(
            ConnectionPolicy.decision(after: TransportError.rejected(reason: "r"), certificateHasEnded: false)
                == .stop(.rejected(reason: "r"))
        )
        let violation = ProtocolViolation.expired(.silence(after: .seconds(30)))
        #expect(
            ConnectionPolicy.decision(after: violation, certificateHasEnded: false)
                == .retry(kind: "protocol", problem: violation.description)
        )
    }

    @Test("a server whose clock is wrong is asked again; a certificate that has ended by our own clock is the end")
    func judgesExpiry() {
        let error = TransportError.expired
        #expect(
            ConnectionPolicy.decision(after: error, certificateHasEnded: false)
                == .retry(kind: "identity", problem: error.description)
        )
        #expect(
            ConnectionPolicy.decision(after: error, certificateHasEnded: true)
                == .stop(.rejected(reason: "it has expired"))
        )
    }
}
