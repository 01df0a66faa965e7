import Foundation
import NIOCore
import TestSupport
import Testing

@testable import Transport
@testable import WireProtocol

/// Other implementations of TLS and of the protocol at the other end: OpenSSL's tool and Python's `ssl`.
@Suite("Interoperability", .timeLimit(.minutes(2)))
struct InteroperabilityTests {
    private func bytes(_ frames: Frame...) throws -> [UInt8] {
        try frames.flatMap { frame in
            try frame.serialized(limits: .federation).flatMap { Array($0.readableBytesView) }
        }
    }

    private func frames(in output: Data) throws -> [Frame] {
        var buffer = ByteBuffer(bytes: output)
        var frames: [Frame] = []
        while let frame = try FrameDecoder.readFrame(from: &buffer, limits: .federation) { frames.append(frame) }
        return frames
    }

    /// Runs `body` with a listener's port and a folder that holds a client's PEM files.
    private func withServer(_ body: @Sendable @escaping (TestFederation, Int, URL) async throws -> Void) async throws {
        let federation = try TestFederation()
        try await withTemporaryDirectory { folder in
            try federation.writePEM(of: federation.client("st-mary.east_2"), into: folder)
            try await federation.withListener(handle: echo) { port in try await body(federation, port, folder) }
        }
    }

    // MARK: - openssl s_client

    private func sClient(_ port: Int, _ folder: URL, _ options: [String], input: [UInt8]) async throws -> ToolRun {
        try await ToolRun(
            ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(port)", "-servername", "localhost"]
                + ["-CAfile", folder.appendingPathComponent("authority.pem").path, "-verify_return_error"]
                + ["-verify_hostname", "localhost"] + options,
            input: input
        )
    }

    private func certificate(in folder: URL) -> [String] {
        ["-cert", folder.appendingPathComponent("client.pem").path]
            + ["-key", folder.appendingPathComponent("client-key.pem").path]
    }

    @Test("openssl with a valid certificate is welcomed by its name")
    func opensslIsWelcomed() async throws {
        try await withServer { _, port, folder in
            let run = try await sClient(
                port,
                folder,
                ["-tls1_3"] + certificate(in: folder),
                input: bytes(.hello, .ping(7), .message(.goodbye(.init())))
            )
            let frames = try frames(in: run.output)
            guard case .control(let control) = frames.first, case .welcome(let welcome) = control.message else {
                Issue.record("\(run.errors)")
                return
            }
            #expect(welcome.client == "st-mary.east_2")
            #expect(frames.dropFirst() == [.pong(7)])
        }
    }

    @Test("openssl without a certificate gets an alert and no application byte")
    func opensslWithoutCertificate() async throws {
        try await withServer { _, port, folder in
            let run = try await sClient(port, folder, ["-tls1_3"], input: bytes(.hello))
            #expect(run.output.isEmpty)
            #expect(run.errors.contains("alert certificate required"), "\(run.errors)")
        }
    }

    @Test("openssl with a certificate of another authority gets an alert and no application byte")
    func opensslOfAnotherAuthority() async throws {
        try await withServer { _, port, folder in
            try await withTemporaryDirectory { foreign in
                let other = try TestFederation()
                try other.writePEM(of: other.client("st-mary.east_2"), into: foreign)
                let run = try await sClient(
                    port,
                    folder,
                    ["-tls1_3"] + certificate(in: foreign),
                    input: bytes(.hello)
                )
                #expect(run.output.isEmpty)
                #expect(run.errors.contains("alert"), "\(run.errors)")
            }
        }
    }

    @Test("openssl is refused below TLS 1.3", arguments: ["-tls1_2", "-tls1_1", "-tls1"])
    func opensslBelow(_ version: String) async throws {
        try await withServer { _, port, folder in
            let run = try await sClient(
                port,
                folder,
                [version, "-cipher", "ALL:@SECLEVEL=0"] + certificate(in: folder),
                input: bytes(.hello)
            )
            #expect(run.output.isEmpty)
            #expect(run.errors.contains("protocol version"), "\(run.errors)")
            #expect(run.status != 0)
        }
    }

    @Test("openssl verifies our certificates strictly, each for its own purpose only")
    func opensslVerifies() async throws {
        let federation = try TestFederation()
        try await withTemporaryDirectory { folder in
            try federation.writePEM(of: federation.client("berlin"), into: folder)
            try federation.server.certificate.write(to: folder.appendingPathComponent("server.pem"))
            func verify(_ file: String, _ purpose: String) async throws -> Bool {
                let run = try await ToolRun(
                    ["openssl", "verify", "-x509_strict", "-purpose", purpose]
                        + ["-CAfile", folder.appendingPathComponent("authority.pem").path]
                        + [folder.appendingPathComponent(file).path]
                )
                return run.status == 0
            }
            #expect(try await verify("client.pem", "sslclient"))
            #expect(try await verify("server.pem", "sslserver"))
            #expect(try await !verify("client.pem", "sslserver"))
            #expect(try await !verify("server.pem", "sslclient"))
        }
    }

    @Test("openssl takes our certificate requests, and we take its")
    func opensslRequests() async throws {
        try await withTemporaryDirectory { folder in
            let ours = folder.appendingPathComponent("ours.der")
            try Data(NodeKey().certificateRequest()).write(to: ours)
            let verified = try await ToolRun(
                ["openssl", "req", "-inform", "DER", "-in", ours.path, "-verify", "-noout"]
            )
            #expect(verified.status == 0, "\(verified.errors)")
            let theirs = folder.appendingPathComponent("theirs.der")
            let key = folder.appendingPathComponent("key.pem")
            let made = try await ToolRun(
                ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
                    + ["-subj", "/CN=ignored", "-keyout", key.path, "-outform", "DER", "-out", theirs.path]
            )
            #expect(made.status == 0, "\(made.errors)")
            let publicKey = try NodePublicKey(certificateRequest: [UInt8](Data(contentsOf: theirs)))
            #expect(try publicKey == NodeKey(pem: String(contentsOf: key, encoding: .utf8)).publicKey)
        }
    }

    // MARK: - Python's ssl

    struct PeerReport: Decodable {
        var handshake: Bool
        var version: String?
        var applicationBytes: Int
        var welcome: Bool?
        var pong: Bool?
        var echoed: Bool?
        var closedCleanly: Bool?
        var resumed: Bool?
        var hadSession: Bool?
        var error: String?
    }

    private func python(_ port: Int, _ folder: URL, _ options: [String] = []) async throws -> PeerReport {
        let script = try #require(Bundle.module.url(forResource: "Fixtures/peer", withExtension: "py"))
        let run = try await ToolRun(["python3", script.path, "connect", "\(port)", folder.path] + options)
        #expect(run.status == 0, "\(run.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(PeerReport.self, from: run.output)
    }

    @Test("python with a valid certificate is welcomed, heard, echoed and closed cleanly")
    func pythonIsWelcomed() async throws {
        try await withServer { _, port, folder in
            let report = try await python(port, folder, ["--upload", "200000"])
            #expect(report.version == "TLSv1.3")
            #expect(report.welcome == true)
            #expect(report.pong == true)
            #expect(report.echoed == true)
            #expect(report.closedCleanly == true)
            #expect(report.error == nil)
        }
    }

    @Test("python without a certificate gets no application byte")
    func pythonWithoutCertificate() async throws {
        try await withServer { _, port, folder in
            let report = try await python(port, folder, ["--no-certificate"])
            #expect(report.applicationBytes == 0)
            #expect(report.error?.contains("certificate required") == true, "\(report)")
        }
    }

    @Test("python with a certificate of another authority gets no application byte")
    func pythonOfAnotherAuthority() async throws {
        try await withServer { _, port, folder in
            try await withTemporaryDirectory { foreign in
                let other = try TestFederation()
                try other.writePEM(of: other.client("st-mary.east_2"), into: foreign)
                let report = try await python(port, folder, ["--foreign", foreign.path])
                #expect(report.applicationBytes == 0)
                #expect(report.error != nil)
            }
        }
    }

    @Test("python at TLS 1.2 gets no handshake")
    func pythonBelow() async throws {
        try await withServer { _, port, folder in
            let report = try await python(port, folder, ["--tls12"])
            #expect(!report.handshake)
            #expect(report.error?.contains("protocol version") == true, "\(report)")
        }
    }

    @Test("a resumed session is the client that began it, and is judged anew")
    func resumption() async throws {
        let federation = try TestFederation()
        let client = try federation.client("berlin")
        let met = Recorder<PeerIdentity>()
        try await withTemporaryDirectory { folder in
            try federation.writePEM(of: client, into: folder)
            try await federation.withListener { connection in
                met.record(connection.peer)
                await echo(connection)
            } _: { port in
                let report = try await python(port, folder, ["--resume"])
                #expect(report.hadSession == true)
                #expect(report.error == nil)
            }
        }
        #expect(met.values.map(\.fingerprint) == [client.certificate.fingerprint, client.certificate.fingerprint])
        // The certificate's end counts at every connection, also when the handshake does not show it.
        let end = client.certificate.notValidAfter
        #expect(try FederationListener.judge(client.certificate, "", now: end).name == "berlin")
        #expect(throws: TransportError.untrusted(reason: "its certificate has expired")) {
            try FederationListener.judge(client.certificate, "", now: end.addingTimeInterval(1))
        }
    }

    // MARK: - Python's ssl as the server

    private struct ServerReport: Decodable {
        var client: String?
        var hello: Bool?
        var error: String?
    }

    /// Runs the Python server with our certificates, dials it, and returns what both sides say.
    private func dialPython(_ options: [String] = []) async throws -> (welcome: String?, server: ServerReport) {
        let federation = try TestFederation()
        return try await withTemporaryDirectory { folder in
            let client = try federation.client("berlin")
            try federation.writePEM(of: client, into: folder)
            try federation.server.certificate.write(to: folder.appendingPathComponent("server.pem"))
            try federation.server.credentials.key.write(to: folder.appendingPathComponent("server-key.pem"))
            let script = try #require(Bundle.module.url(forResource: "Fixtures/peer", withExtension: "py"))
            let ports = Recorder<Data>()
            async let run = ToolRun(["python3", script.path, "serve", folder.path] + options) { ports.record($0) }
            let line = try #require(await ports.next())
            let port = try #require(try JSONDecoder().decode([String: Int].self, from: line)["port"])
            let welcome = try? await federation.dial(port, as: client, host: "localhost") { connection in
                try await connection.send(.hello)
                var frames = connection.inbound.makeAsyncIterator()
                guard case .control(let control) = try await frames.next(), case .welcome(let welcome) = control.message
                else { return "" }
                return welcome.client
            }
            let lines = try await run.output.split(separator: UInt8(ascii: "\n"))
            return (welcome, try JSONDecoder().decode(ServerReport.self, from: Data(try #require(lines.last))))
        }
    }

    @Test("our client shows python its certificate and is welcomed")
    func pythonServer() async throws {
        let result = try await dialPython()
        #expect(result.welcome == "berlin")
        #expect(result.server.client == "berlin")
        #expect(result.server.hello == true, "\(result.server)")
    }

    @Test("our client does not speak to a server at TLS 1.2")
    func pythonServerBelow() async throws {
        let result = try await dialPython(["--tls12"])
        #expect(result.welcome == nil)
        #expect(result.server.hello == nil)
        #expect(result.server.error != nil)
    }
}
