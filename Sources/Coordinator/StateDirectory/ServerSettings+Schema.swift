package import FederatedLearning

extension ServerSettings {
    /// What `server.yaml` takes.
    package static var schema: ValueSchema {
        ValueSchema.section(
            CodingKeys.allCases.map { key in (key.rawValue, key.schema) },
            required: CodingKeys.allCases.filter(\.isRequired).map(\.rawValue)
        )
    }
}

extension ServerSettings.CodingKeys {
    fileprivate var schema: ValueSchema {
        switch self {
        case .listen: Self.address.described("Where clients connect, with their certificates.")
        case .enrolmentListen: Self.address.described("Where clients join, with a join string.")
        case .adminListen:
            ValueSchema.text(matching: "^(localhost|127\\.[0-9.]+|\\[::1\\]):[0-9]{1,5}$")
                .described("Where fed-server's own commands and the dashboard connect: loopback only.")
        case .hosts:
            ValueSchema.list(of: .text(matching: "."), count: 0...10_000, isUnique: false)
                .described("The names under which clients reach this machine; the first goes into join strings.")
        case .certificateHours: ValueSchema.integer(1...87_600).described("How long a client's certificate is valid.")
        case .certificateDays: ValueSchema.integer(1...3650).described("What earlier versions wrote.")
        case .payloadMebibytes:
            ValueSchema.integer(1...1 << 20).described("The largest adapter that the server takes from a client.")
        }
    }

    fileprivate var isRequired: Bool {
        switch self {
        case .listen, .enrolmentListen, .adminListen: true
        case .hosts, .certificateHours, .certificateDays, .payloadMebibytes: false
        }
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    private static let address = ValueSchema.text(matching: "^(\\[[^\\[\\]\\s]+\\]|[^:\\s]+):[0-9]{1,5}$")
}
