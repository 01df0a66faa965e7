import ClientDaemon
import Foundation
import Logging
import TestSupport
import Transport

/// One client of a simulated federation: the shipped daemon, whole, over a simulated network and disk.
final class ClientNode {
    let number: Int
    let name: String
    private unowned let federation: SimulatedFederation
    private(set) var process: SimulatedProcess
    private(set) var folder: URL
    private var task: Task<Void, Never>?
    /// What its data steward has got for it, until the next process finds it.
    private var granted: (certificate: NodeCertificate, key: NodeKey)?
    /// How often it was started.
    private(set) var generation = 0

    init(_ number: Int, of federation: SimulatedFederation, folder: URL) {
        self.number = number
        self.name = FederationTemplate.name(of: number)
        self.federation = federation
        self.folder = folder
        self.process = SimulatedProcess(name: name, number: number + 2)
        self.process.isAlive = false
    }

    /// Begins a process.
    ///
    /// - Parameter volume: What is known of its disk.
    func start(on volume: Volume = Volume()) {
        generation += 1
        let process = SimulatedProcess(name: name, number: number + 2)
        process.calendarOffset = self.process.calendarOffset
        process.volume = volume
        self.process = process
        federation.log.note("client starts", process, generation)
        let (number, folder, federation) = (number, folder, federation)
        // Nobody has touched its certificate before, and reading one takes as long as a round.
        let known = generation == 1 ? federation.template.memberships[number] : nil
        federation.scheduler.perform(as: process) {
            task = Task.detached {
                do {
                    try await Self.run(number, in: folder, of: federation, as: process, known: known)
                    federation.ended(process, because: nil)
                } catch {
                    federation.ended(process, because: error)
                }
            }
        }
    }

    /// Ends the process at once.
    func stop() {
        process.isAlive = false
        task?.cancel()
        task = nil
    }

    /// Has the next process find a new certificate, whatever the present one still does to its files.
    func grant(_ certificate: NodeCertificate, for key: NodeKey) { granted = (certificate, key) }

    /// Moves to what is left of the disk.
    ///
    /// - Parameters:
    ///   - folder: Where that is.
    ///   - volume: What is known of it.
    /// - Throws: When a certificate that was granted meanwhile cannot be written.
    func move(to folder: URL, _ volume: inout Volume) throws {
        self.folder = folder
        guard let (certificate, key) = granted else { return }
        let directory = ClientDaemon.ClientDirectory(folder)
        try key.write(to: directory.privateKeyFile)
        try certificate.write(to: directory.certificateFile)
        for file in [directory.privateKeyFile, directory.certificateFile] { volume.forget(file.path) }
        granted = nil
    }

    private static func run(
        _ number: Int,
        in folder: URL,
        of federation: SimulatedFederation,
        as process: SimulatedProcess,
        known: Membership?
    ) async throws {
        let directory = ClientDaemon.ClientDirectory(folder)
        let configuration = try ConfigurationFile.read(from: directory)
        let client = FederationClient(
            directory: directory,
            configuration: configuration,
            membership: try known ?? Membership(of: directory, configuration: configuration),
            trainers: federation.trainer(of: number),
            dialer: SimulatedDialer { credentials in
                try await federation.dial(from: number, process, with: credentials)
            },
            // Which nobody reads here, and whose writing costs a tenth of a simulation's time.
            keepsStatus: false,
            logger: Logger(label: "client") { _ in SwiftLogNoOpLogHandler() },
            observe: { event in
                if process.isAlive { federation.observed(event, at: number, process, in: directory) }
            }
        )
        try await client.run()
    }
}
