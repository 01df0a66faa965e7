import FederationHarness
package import Foundation
import Synchronization

/// Thousands of sockets, each of which claims a frame of 2 GiB and stays, while honest clients work.
package struct Siege: Sendable {
    /// What was measured.
    package struct Report: Sendable {
        /// How long a round takes in peace, in seconds; one figure for every round.
        package let peace: [Double]
        /// The same of rounds that began while sockets were still coming: when most is asked of the processors.
        package let arrival: [Double]
        /// The same of rounds that began when all sockets had come.
        package let siege: [Double]
        /// The server's memory before the siege, and the most that it ever took, in bytes.
        package let before: Int
        package let peak: Int
        /// How many sockets connected and made their claim, and in how many seconds.
        package let claims: Int
        package let arrivalSeconds: Double
    }

    /// How many sockets.
    package let sockets: Int
    /// How many members they belong to; 0 for strangers without TLS.
    package let members: Int
    /// The program that is a process of ``Besiegers`` when it is told to.
    let program: URL

    package init(sockets: Int, members: Int, program: URL) {
        self.sockets = sockets
        self.members = members
        self.program = program
    }

    /// Measures rounds in peace, and then in the siege until it is over.
    package func run(on field: AttackField, rounds: Int) async throws -> Report {
        let members = try await field.enlistBesiegers(members)
        let besiegers = Besiegers(port: field.port(of: .federation), sockets: sockets, members: members)
        var (peace, arrival, siege): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<rounds { peace.append(try await Self.time { try await field.completeRound() }) }
        let before = try field.serverMemory().resident
        let process = try BesiegerProcess(besiegers, program: program)
        defer { process.dismiss() }
        let haveCome = Mutex(false)
        async let coming = {
            defer { haveCome.withLock { $0 = true } }
            let begun = ContinuousClock.now
            return (claims: await process.claims(), seconds: Self.seconds(since: begun))
        }()
        repeat {
            arrival.append(try await Self.time { try await field.completeRound() })
        } while !haveCome.withLock { $0 }
        for _ in 0..<rounds { siege.append(try await Self.time { try await field.completeRound() }) }
        let peak = try field.serverMemory().peak
        let (claims, seconds) = await coming
        guard let claims else { throw AttackFailure("The besiegers have ended.") }
        return Report(
            peace: peace,
            arrival: arrival,
            siege: siege,
            before: before,
            peak: peak,
            claims: claims,
            arrivalSeconds: seconds
        )
    }

    private static func time(_ body: () async throws -> Void) async rethrows -> Double {
        let begun = ContinuousClock.now
        try await body()
        return seconds(since: begun)
    }

    private static func seconds(since begun: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - begun) / .seconds(1)
    }
}
