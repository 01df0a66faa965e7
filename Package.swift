// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "tributary",
    products: [
        .executable(name: "fed-server", targets: ["FedServer"]),
        .executable(name: "fed-client", targets: ["FedClient"]),
        .executable(name: "fed-sim", targets: ["FedSim"]),
        .executable(name: "fed-dst", targets: ["FedDST"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
    ],
    targets: [
        // Row 0
        .systemLibrary(
            name: "COpenBLAS",
            providers: [.apt(["libopenblas-dev"])]
        ),
        .target(name: "CKernels"),
        .target(
            name: "LinearAlgebra",
            dependencies: ["COpenBLAS", "CKernels"],
            swiftSettings: [.strictMemorySafety()]
        ),
        // A layer of SQLite's: pages with checksums
        .target(name: "CPageChecksums", linkerSettings: [.linkedLibrary("sqlite3")]),
        .target(name: "Plotting"),
        .target(name: "QRCodes"),
        .target(name: "Terminal"),
        .target(
            name: "WebDashboard",
            resources: [
                "api.js", "app.js", "audit.js", "charts.js", "clients.js", "course.js", "dom.js", "format.js",
                "icon.svg", "index.html",
                "invite.js", "job.js", "jobclients.js", "live.js", "login.html", "login.js", "overview.js", "style.css",
                "theme.js",
            ].map { .embedInCode("Resources/\($0)") }
        ),
        // Row 1
        .target(name: "Adapters", dependencies: ["LinearAlgebra"]),
        .target(
            name: "DifferentialPrivacy",
            dependencies: [
                "LinearAlgebra",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
            ]
        ),
        // Row 2
        .target(name: "Aggregation", dependencies: ["Adapters", "LinearAlgebra"]),
        .target(name: "AdapterTools", dependencies: ["Adapters", "LinearAlgebra"]),
        // Row 3
        .target(
            name: "FederatedLearning",
            dependencies: [
                "Adapters", "Aggregation", "DifferentialPrivacy", "LinearAlgebra",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .target(
            name: "WireProtocol",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]
        ),
        // Row 4
        .target(
            name: "Training",
            dependencies: ["Adapters", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra"]
        ),
        .target(
            name: "Transport",
            dependencies: [
                "WireProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
            ]
        ),
        // Row 5
        .target(
            name: "Coordinator",
            dependencies: [
                "Adapters", "Aggregation", "CPageChecksums", "DifferentialPrivacy", "FederatedLearning",
                "LinearAlgebra", "QRCodes", "Transport", "WebDashboard", "WireProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .target(
            name: "ClientDaemon",
            dependencies: [
                "Adapters", "Aggregation", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra", "Training",
                "Transport",
                "WireProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .target(
            name: "Simulation",
            dependencies: [
                "AdapterTools", "Adapters", "Aggregation", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra",
                "Plotting",
                "Training",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        // Row 6
        .executableTarget(
            name: "FedServer",
            dependencies: [
                "AdapterTools", "Adapters", "Aggregation", "Coordinator", "DifferentialPrivacy", "FederatedLearning",
                "LinearAlgebra", "Plotting", "QRCodes", "Terminal", "Transport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .executableTarget(
            name: "FedClient",
            dependencies: [
                "Adapters", "Aggregation", "ClientDaemon", "FederatedLearning", "LinearAlgebra", "Terminal", "Training",
                "Transport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .executableTarget(
            name: "FedSim",
            dependencies: [
                "Adapters", "Aggregation", "FederatedLearning", "LinearAlgebra", "Simulation", "Terminal", "Training",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        // Tests
        .target(
            name: "TestSupport",
            dependencies: ["Adapters", "Aggregation", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra"],
            path: "Tests/TestSupport"
        ),
        // Peers that follow no rules, a federation on loopback, and the attacks that they make on it
        .target(
            name: "HostilePeers",
            dependencies: [
                "Transport", "WireProtocol",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/HostilePeers"
        ),
        .target(
            name: "FederationHarness",
            dependencies: [
                "Adapters", "ClientDaemon", "Coordinator", "FederatedLearning", "TestSupport", "Transport",
                "WireProtocol",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/FederationHarness"
        ),
        .target(
            name: "AttackSuite",
            dependencies: [
                "Adapters", "ClientDaemon", "Coordinator", "FederatedLearning", "FederationHarness", "HostilePeers",
                "LinearAlgebra", "TestSupport", "Transport", "WireProtocol",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Tests/AttackSuite"
        ),
        .testTarget(
            name: "AttackSuiteTests",
            dependencies: ["AttackSuite", "FederationHarness", "TestSupport"]
        ),
        // A federation whose threads, clocks, network and disks are simulated, and faults from a seed
        .target(name: "CSimulatedSystem", path: "Tests/CSimulatedSystem"),
        .target(
            name: "DeterministicSimulation",
            dependencies: [
                "Adapters", "Aggregation", "CSimulatedSystem", "ClientDaemon", "Coordinator", "DifferentialPrivacy",
                "FederatedLearning", "LinearAlgebra", "TestSupport", "Transport", "WireProtocol",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            path: "Tests/DeterministicSimulation",
            exclude: ["README.md"]
        ),
        .executableTarget(
            name: "FedDST",
            dependencies: [
                "DeterministicSimulation", "LinearAlgebra",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/FedDST"
        ),
        .testTarget(name: "DeterministicSimulationTests", dependencies: ["TestSupport"]),
        // Readers of bytes from outside, for fuzzers and for the replay of what they found
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Adapters", "FederatedLearning", "Training", "Transport", "WireProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Tests/FuzzTargets"
        ),
        .testTarget(name: "FuzzTargetsTests", dependencies: ["FuzzTargets"]),
        .testTarget(name: "LinearAlgebraTests", dependencies: ["LinearAlgebra", "TestSupport"]),
        .testTarget(name: "PlottingTests", dependencies: ["Plotting"]),
        .testTarget(
            name: "QRCodesTests",
            dependencies: ["QRCodes", .product(name: "Crypto", package: "swift-crypto")],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(name: "TerminalTests", dependencies: ["Terminal"]),
        .testTarget(
            name: "DifferentialPrivacyTests",
            dependencies: ["DifferentialPrivacy", "LinearAlgebra", "TestSupport"],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "AdaptersTests",
            dependencies: ["Adapters", "LinearAlgebra", "TestSupport"],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "AdapterToolsTests",
            dependencies: ["AdapterTools", "Adapters", "LinearAlgebra", "TestSupport"],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "AggregationTests",
            dependencies: ["Adapters", "Aggregation", "LinearAlgebra", "TestSupport"],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "FederatedLearningTests",
            dependencies: [
                "Adapters", "Aggregation", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra", "TestSupport",
            ]
        ),
        .testTarget(
            name: "WireProtocolTests",
            dependencies: [
                "TestSupport", "WireProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOTestUtils", package: "swift-nio"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]
        ),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Adapters", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra", "TestSupport", "Training",
            ],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "TransportTests",
            dependencies: [
                "HostilePeers", "TestSupport", "Transport", "WireProtocol",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            resources: [.copy("Fixtures")]
        ),
        .testTarget(
            name: "CoordinatorTests",
            dependencies: [
                "Adapters", "Aggregation", "Coordinator", "DifferentialPrivacy", "FederatedLearning", "LinearAlgebra",
                "TestSupport", "Transport", "WebDashboard", "WireProtocol",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "ClientDaemonTests",
            dependencies: [
                "Adapters", "Aggregation", "ClientDaemon", "DifferentialPrivacy", "FederatedLearning",
                "FederationHarness",
                "LinearAlgebra", "TestSupport", "Training",
                "Transport", "WireProtocol",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Adapters", "Aggregation", "FederatedLearning", "LinearAlgebra", "Plotting", "Simulation",
                "TestSupport",
                "Training",
            ]
        ),
        .testTarget(
            name: "FedServerTests",
            dependencies: [
                "Coordinator", "DifferentialPrivacy", "FedServer", "FederatedLearning", "Plotting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Adapters", "Aggregation", "ClientDaemon", "Coordinator", "FedClient", "FedServer", "FedSim",
                "FederatedLearning", "LinearAlgebra", "Simulation", "TestSupport", "Training", "Transport",
                "WireProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["CommandLines/check_schemas.py"]
        ),
        .executableTarget(
            name: "KillHarness",
            dependencies: [
                "Adapters", "ClientDaemon", "Coordinator", "FederatedLearning", "LinearAlgebra", "TestSupport",
                "Transport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/KillHarness"
        ),
        // What becomes of the server's store in a crash, and when a bit turns on its disk
        .target(name: "CSystemCalls", path: "Tests/CSystemCalls"),
        .executableTarget(
            name: "StoreHarness",
            dependencies: [
                "Aggregation", "CSystemCalls", "Coordinator", "FederatedLearning", "LinearAlgebra", "TestSupport",
                "Transport", "WireProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Tests/StoreHarness"
        ),
    ],
    swiftLanguageModes: [.v6]
)

// `ENABLE_BENCHMARKS=1 swift run -c release TributaryBenchmarks`: part of this package, so that they share its build.
if Context.environment["ENABLE_BENCHMARKS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "TributaryBenchmarks",
            dependencies: [
                "Adapters", "Aggregation", "ClientDaemon", "Coordinator", "DifferentialPrivacy", "FederatedLearning",
                "LinearAlgebra", "Simulation", "Training", "Transport", "WireProtocol",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Benchmarks",
            exclude: ["rival_flexlora.py", "rival_flower.py", "rival_simulation.py", "rival_training.py"]
        )
    )
}

// `make attack`: every attack of the suite on a server process, with its memory measured.
if Context.environment["ENABLE_ATTACK"] != nil {
    package.targets.append(
        .executableTarget(
            name: "FedAttack",
            dependencies: [
                "AttackSuite",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/FedAttack"
        )
    )
    package.products.append(.executable(name: "fed-attack", targets: ["FedAttack"]))
}

// `make fuzz`: libFuzzer and AddressSanitizer on the readers of bytes from outside, in a build folder of its own.
if Context.environment["ENABLE_FUZZING"] != nil {
    let sanitizers = "-sanitize=fuzzer,address"
    let instrumented = ["Adapters", "FederatedLearning", "FuzzTargets", "Training", "Transport", "WireProtocol"]
    for target in package.targets where instrumented.contains(target.name) {
        target.swiftSettings = [.unsafeFlags([sanitizers])]
    }
    package.targets += [
        .target(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
        .executableTarget(
            name: "TributaryFuzz",
            dependencies: ["CLibFuzzer", "FuzzTargets"],
            path: "Tests/Fuzz",
            // The system's gold ends with an internal error on the sanitizers' debug information.
            linkerSettings: [.unsafeFlags([sanitizers, "-use-ld=lld"])]
        ),
    ]
}

// `make deb`: programs with the Swift runtime inside. Only linking differs, so nothing is compiled for it again.
if Context.environment["ENABLE_STATIC_RUNTIME"] != nil {
    // What Foundation's archives need, which objects that were compiled for the shared libraries do not name.
    let libraries = [
        "swiftSynchronization", "CoreFoundation", "_FoundationCShims", "_FoundationCollections", "_FoundationICU",
        "_CFURLSessionInterface", "curl",
    ]
    let options = ["-static-stdlib"] + (["--as-needed"] + libraries.map { "-l\($0)" }).flatMap { ["-Xlinker", $0] }
    for target in package.targets where target.type == .executable {
        target.linkerSettings = (target.linkerSettings ?? []) + [.unsafeFlags(options)]
    }
}

/// Each feature beside its proposal; new targets get them all.
let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

for target in package.targets where target.type != .system {
    target.swiftSettings = settings + (target.swiftSettings ?? [])
}
