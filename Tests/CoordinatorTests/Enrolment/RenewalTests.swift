import FederatedLearning
import Foundation
import Logging
import TestSupport
import Testing
import Transport
import WireProtocol

@testable import Coordinator

@Suite("Renewal")
struct RenewalTests {
    private static func desk(_ store: CoordinatorStore, _ authority: CertificateAuthority) -> EnrolmentDesk {
        EnrolmentDesk(
            clients: store.clients,
            issuer: { IssuingAuthority(authority: authority) },
            lifetime: .seconds(86_400),
            metrics: CoordinatorMetrics(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: { .sample }
        )
    }

    private static func certificate(_ answer: RenewalAnswer) -> NodeCertificate? {
        if case .accepted(let certificate, _) = answer { certificate } else { nil }
    }

    @Test("certifies a client's new key under its old name, and admits both certificates until it is revoked")
    func renews() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let authority = try CertificateAuthority.create(name: "test", now: .sample)
            let peer = try await store.enrol("berlin")
            let key = NodeKey()
            let answer = await Self.desk(store, authority).renew(peer, certificateRequest: try key.certificateRequest())
            let certificate = try #require(Self.certificate(answer))
            let credentials = try ClientCredentials(
                certificate: certificate,
                key: key,
                authority: authority.certificate
            )
            #expect(credentials.name == "berlin")
            #expect(certificate.notValidAfter == .sample + 86_400)
            #expect(try await store.audit.entries().last?.action == .clientRenewed)
            for fingerprint in [peer.fingerprint, certificate.fingerprint] {
                let digest = ContentDigest(fingerprint)
                #expect(try await store.clients.admission(of: "berlin", fingerprint: digest) == .admitted)
            }
            try await store.clients.revoke("berlin", now: .sample)
            for fingerprint in [peer.fingerprint, certificate.fingerprint] {
                let digest = ContentDigest(fingerprint)
                #expect(try await store.clients.admission(of: "berlin", fingerprint: digest) == .revoked)
            }
        }
    }

    @Test("gives nothing to a revoked client, to one that is not known, or for a request that is none")
    func refuses() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let desk = Self.desk(store, try CertificateAuthority.create(name: "test", now: .sample))
            let request = try NodeKey().certificateRequest()
            let stranger = try PeerIdentity.sample("oslo")
            #expect(await Self.certificate(desk.renew(stranger, certificateRequest: request)) == nil)
            let peer = try await store.enrol("berlin")
            #expect(await Self.certificate(desk.renew(peer, certificateRequest: Array(request.dropLast()))) == nil)
            try await store.clients.revoke("berlin", now: .sample)
            let entries = try await store.audit.entries().count
            #expect(await Self.certificate(desk.renew(peer, certificateRequest: request)) == nil)
            #expect(try await store.audit.entries().count == entries)
        }
    }

    @Test("cannot be used to fill the server's records")
    func bounded() async throws {
        try await withTemporaryDirectory { folder in
            let store = try CoordinatorStore.temporary(in: folder)
            let desk = Self.desk(store, try CertificateAuthority.create(name: "test", now: .sample))
            let peer = try await store.enrol("berlin")
            var given = 0
            for _ in 0..<50 {
                let request = try NodeKey().certificateRequest()
                if await Self.certificate(desk.renew(peer, certificateRequest: request)) != nil { given += 1 }
            }
            // The first certificate counts as well.
            #expect(given == ClientDirectory.renewalsPerLifetime - 1)
        }
    }

    @Test("a session ends with its certificate, unless it was renewed")
    func sessionEnds() async throws {
        try await withTemporaryDirectory { folder in
            let fixture = try SessionFixture(folder: folder) { peer, _ in
                peer.name == "berlin" ? .accepted(try Self.longer(peer.name), authorities: []) : .rejected(reason: "no")
            }
            var renewed = try await fixture.greeted("berlin")
            var other = try await fixture.greeted("paris")
            for session in [renewed, other] {
                var request = Tributary_V1_RenewalRequest()
                request.certificateRequest = Data(try NodeKey().certificateRequest())
                #expect(await session.receive(.renewalRequest(request)))
            }
            guard case .renewalResponse(let yes)? = await renewed.next(), yes.accepted,
                case .renewalResponse(let no)? = await other.next(), !no.accepted, no.reason == "no"
            else {
                Issue.record("the requests were not answered")
                return
            }
            // Just not silent for a day; the answers to the pings are not read.
            for _ in 0..<2980 {
                fixture.advance(by: .seconds(29))
                for session in [renewed, other] { await session.receive(.ping(Tributary_V1_Ping())) }
            }
            #expect(await renewed.session.checkDeadline())
            #expect(await !other.session.checkDeadline())
            #expect(await other.session.farewell?.reason.contains("has ended") == true)
        }
    }

    /// A certificate of twice the usual life.
    private static func longer(_ name: String) throws -> NodeCertificate {
        try CertificateAuthority.create(name: "test", now: .sample)
            .issueClient(name: name, publicKey: NodeKey().publicKey, now: .sample, validFor: .seconds(2 * 86_400))
    }
}
