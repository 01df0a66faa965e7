package import Foundation
private import Yams

/// What `server.yaml` says.
package struct ServerSettings: Hashable, Sendable, Decodable {
    /// Where clients connect: with mutual TLS, so any interface will do.
    package var listen: ListenAddress
    /// Where clients join, with TLS of the server alone.
    package var enrolmentListen: ListenAddress
    /// Where the command line and the dashboard connect: in plain HTTP, so on loopback only.
    package var adminListen: ListenAddress
    /// The names under which clients reach this machine; the first goes into join strings.
    package var hosts: [String]
    /// How long a client's certificate is valid, in hours; it is renewed over the live connection.
    package var certificateHours: Int
    /// The largest payload that the server takes from a client, in MiB.
    package var payloadMebibytes: Int

    package init(
        listen: ListenAddress,
        enrolmentListen: ListenAddress,
        adminListen: ListenAddress,
        hosts: [String],
        certificateHours: Int = 24,
        payloadMebibytes: Int = 4096
    ) {
        self.listen = listen
        self.enrolmentListen = enrolmentListen
        self.adminListen = adminListen
        self.hosts = hosts
        self.certificateHours = certificateHours
        self.payloadMebibytes = payloadMebibytes
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case listen
        case enrolmentListen = "enrolment_listen"
        case adminListen = "admin_listen"
        case hosts
        case certificateHours = "certificate_hours"
        /// What earlier versions wrote.
        case certificateDays = "certificate_days"
        case payloadMebibytes = "payload_mebibytes"
    }

    /// Returns the settings that `init` writes: enrolment one port above `listen`, admin two above on loopback.
    package static func standard(listen: ListenAddress, hosts: [String]) throws(CoordinatorError) -> ServerSettings {
        guard let enrolment = listen.advanced(by: 1), let admin = listen.advanced(by: 2) else {
            throw .invalidAddress("\(listen)")
        }
        return ServerSettings(
            listen: listen,
            enrolmentListen: enrolment,
            adminListen: ListenAddress(host: "127.0.0.1", port: admin.port),
            hosts: hosts
        )
    }

    /// The name that join strings tell clients to dial.
    package var advertisedHost: String {
        hosts.first ?? (listen.isWildcard ? "localhost" : listen.host)
    }

    package var maximumPayload: UInt64 { UInt64(clamping: payloadMebibytes) << 20 }
}

// MARK: - The file

extension ServerSettings {
    /// Reads `server.yaml`.
    ///
    /// - Throws: ``CoordinatorError/invalidSettings(path:problem:)`` that names the key and says what to write.
    package init(contentsOf file: URL) throws {
        let text: String
        do {
            text = try String(contentsOf: file, encoding: .utf8)
        } catch {
            throw CoordinatorError.fileFailed(path: file.path, action: .read, reason: error.localizedDescription)
        }
        func invalid(_ problem: String) -> CoordinatorError { .invalidSettings(path: file.path, problem: problem) }
        do {
            let keys = try Yams.load(yaml: text) as? [String: Any]
            guard let keys else { throw invalid("it holds no keys. Write `listen: 127.0.0.1:8443` and so on.") }
            let known = CodingKeys.allCases.map(\.rawValue)
            if let unknown = keys.keys.sorted().first(where: { !known.contains($0) }) {
                throw invalid("there is no key `\(unknown)`. The keys are \(known.joined(separator: ", ")).")
            }
            self = try YAMLDecoder().decode(ServerSettings.self, from: text)
        } catch let error as DecodingError {
            throw invalid(Self.problem(of: error))
        } catch let error as YamlError {
            throw invalid("it is not YAML (\(error)). Correct the line that it names.")
        }
        try validate(path: file.path)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let days = try container.decodeIfPresent(Int.self, forKey: .certificateDays)
        let hours = try container.decodeIfPresent(Int.self, forKey: .certificateHours)
        guard days == nil || hours == nil else {
            throw DecodingError.dataCorruptedError(
                forKey: .certificateDays,
                in: container,
                debugDescription: "it says the same as `certificate_hours`. Remove one of them."
            )
        }
        try self.init(
            listen: container.decode(ListenAddress.self, forKey: .listen),
            enrolmentListen: container.decode(ListenAddress.self, forKey: .enrolmentListen),
            adminListen: container.decode(ListenAddress.self, forKey: .adminListen),
            hosts: container.decodeIfPresent([String].self, forKey: .hosts) ?? [],
            certificateHours: hours ?? days.map { (1...3650).contains($0) ? $0 * 24 : 0 } ?? 24,
            payloadMebibytes: container.decodeIfPresent(Int.self, forKey: .payloadMebibytes) ?? 4096
        )
    }

    /// The file as `init` writes it.
    package var yaml: String {
        """
        # Where clients connect, with their certificates. 0.0.0.0 listens on every interface.
        listen: "\(listen)"
        # Where clients join, with a join string.
        enrolment_listen: "\(enrolmentListen)"
        # Where fed-server's own commands and the dashboard connect: loopback only.
        admin_listen: "\(adminListen)"
        # The names under which clients reach this machine; the first goes into join strings.
        hosts: [\(hosts.map { "\"\($0)\"" }.joined(separator: ", "))]
        # How many hours a client's certificate is valid. Clients renew at two thirds of that while they are connected; one
        # that is away for longer needs a new invitation.
        certificate_hours: \(certificateHours)
        # The largest adapter that the server takes from a client.
        payload_mebibytes: \(payloadMebibytes)

        """
    }

    private func validate(path: String) throws {
        guard adminListen.isLoopback else { throw CoordinatorError.adminNotOnLoopback("\(adminListen)") }
        guard (1...87_600).contains(certificateHours) else {
            throw CoordinatorError.invalidSettings(
                path: path,
                problem: "`certificate_hours` is \(certificateHours). Write a number from 1 to 87600."
            )
        }
        guard (1...(1 << 20)).contains(payloadMebibytes) else {
            throw CoordinatorError.invalidSettings(
                path: path,
                problem: "`payload_mebibytes` is \(payloadMebibytes). Write a number from 1 to 1048576."
            )
        }
    }

    private static func problem(of error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _):
            "the key `\(key.stringValue)` is missing. Add it, or make a new folder with `fed-server init`."
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            "`\(context.codingPath.map(\.stringValue).joined(separator: "."))` is wrong: \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }
}
