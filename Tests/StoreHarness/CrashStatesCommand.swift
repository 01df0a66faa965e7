import ArgumentParser
import CSystemCalls
import Foundation
import Synchronization

/// Records three rounds and recovers from every crash.
struct CrashStatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-states",
        abstract: "Recover the store from the states in which crashes can leave its folder."
    )

    @Option(help: "How many states to recover from, spread evenly over all of them; 0 for all.")
    var states = 300

    @Option(help: "Where to put the folders: a file system in memory is quickest.", completion: .directory)
    var scratch = "/dev/shm"

    @Option(help: "Of the random selections among the states.")
    var seed: UInt64 = 1

    @Option(help: "How many states to recover from at a time.")
    var parallel = 2

    func run() async throws {
        let folder = URL(fileURLWithPath: scratch).resolvingSymlinksInPath()
            .appending(path: "tributary-crashes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let living = folder.appending(path: "living")
        try FileManager.default.createDirectory(at: living, withIntermediateDirectories: false)

        let log = AcknowledgementLog { number in system_calls_mark(CInt(number)) }
        system_calls_begin(living.path)
        let expected = try await Scenario.record(in: living, log: log)
        system_calls_end()
        let operations = DiskOperation.recorded()
        let enumeration = CrashStates(of: operations)
        let count = try await enumeration.count(seed: seed)
        print("\(operations.count) operations, \(log.all.count) acknowledgements, \(count) states after a crash")

        let recovery = Recovery(acknowledgements: log.all, expected: expected)
        let tally = try await recover(recovery, enumeration, count: count, in: folder)
        print("\(tally.recovered) states tried, \(tally.failures) wrong")
        guard tally.failures == 0, tally.recovered >= min(states, count) else { throw ExitCode.failure }
    }

    private struct Tally {
        var recovered = 0
        var failures = 0
    }

    private func recover(
        _ recovery: Recovery,
        _ enumeration: CrashStates,
        count: Int,
        in folder: URL
    ) async throws -> Tally {
        let wanted = states == 0 ? count : min(states, count)
        var tally = Tally()
        try await withThrowingTaskGroup(of: (CrashState, [String]).self) { group in
            func take(_ result: (state: CrashState, problems: [String])?) {
                guard let result else { return }
                tally.recovered += 1
                guard !result.problems.isEmpty else { return }
                tally.failures += 1
                guard tally.failures <= 10 else { return }
                print("after \(result.state.moment) operations, \(result.state.fate):")
                for problem in result.problems { print("    \(problem)") }
            }
            var (index, running) = (0, 0)
            try await enumeration.forEach(seed: seed) { state in
                defer { index += 1 }
                // The state is the next one when its share of the wanted ones is reached.
                guard index * wanted / count != (index + 1) * wanted / count else { return }
                if running >= parallel {
                    take(try await group.next())
                } else {
                    running += 1
                }
                group.addTask {
                    let place = folder.appending(path: UUID().uuidString)
                    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
                    defer { try? FileManager.default.removeItem(at: place) }
                    return (state, await recovery.problems(after: state, in: place))
                }
            }
            while let result = try await group.next() { take(result) }
        }
        return tally
    }
}
