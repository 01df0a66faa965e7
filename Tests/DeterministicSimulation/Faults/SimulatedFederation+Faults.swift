import ClientDaemon
import Foundation
import Transport

@testable import Coordinator

// What goes wrong, and how it ends.

extension SimulatedFederation {
    /// Has a fault happen when its time has come.
    func schedule(_ fault: Fault) {
        scheduler.after(fault.time, as: scheduler.harness) { [self] in
            guard !isHealed else { return }
            log.note("FAULT", scheduler.harness, fault.client, fault.kind.rawValue)
            apply(fault)
        }
    }

    private func apply(_ fault: Fault) {
        switch fault.kind {
        case .lostFrames: spoil(fault) { $0.losesFrames = 20 + fault.amount }
        case .repeatedFrames: spoil(fault) { $0.repeatsFrames = 20 + fault.amount }
        case .swappedFrames: spoil(fault) { $0.swapsFrames = 20 + fault.amount }
        case .truncatedFrames: spoil(fault) { $0.cutsFrames = 20 + fault.amount }
        case .delay: spoil(fault) { $0.delay = 200_000_000...Int64(fault.amount + 10) * 100_000_000 }
        case .slowLink: spoil(fault) { $0.bandwidth = 200 + 20 * fault.amount }
        case .partition:
            spoilSome(fault) {
                $0.holdsUp = true
                $0.holdsDown = true
            }
        case .partitionUp: spoilSome(fault) { $0.holdsUp = true }
        case .partitionDown: spoilSome(fault) { $0.holdsDown = true }
        case .unreachable: spoilSome(fault) { $0.isUnreachable = true }
        case .halfOpen:
            for connection in network.connections where connection.client == fault.client {
                connection.isBlackHole = true
            }
        case .reset:
            for connection in network.connections where connection.client % 5 == fault.client % 5 { connection.cut() }
        case .serverKill: end(server.process, .killed)
        case .serverPowerCut: end(server.process, .powerCut)
        case .clientKill: end(clients[fault.client].process, .killed)
        case .clientPowerCut: end(clients[fault.client].process, .powerCut)
        case .serverKillAtChange: die(server.process, .killed, at: fault.amount)
        case .serverKillAfterChange: die(server.process, .killed, at: fault.amount, isAfter: true)
        case .serverPowerCutAtChange: die(server.process, .powerCut, at: fault.amount, isAfter: fault.span % 2 == 0)
        case .clientKillAtChange: die(clients[fault.client].process, .killed, at: fault.amount)
        case .clientKillAfterChange: die(clients[fault.client].process, .killed, at: fault.amount, isAfter: true)
        case .clientPowerCutAtChange:
            die(clients[fault.client].process, .powerCut, at: fault.amount, isAfter: fault.span % 2 == 0)
        case .secondServer: startSecondServer()
        case .serverSyncFailure: failSync(of: server.process)
        case .clientSyncFailure: failSync(of: clients[fault.client].process)
        case .serverDiskFull: fillDisk(of: "server", for: fault.span)
        case .clientDiskFull: fillDisk(of: clients[fault.client].name, for: fault.span)
        case .serverClockForward: turnServerClock(by: Self.minutes(fault.amount))
        case .serverClockBackward: turnServerClock(by: -Self.minutes(fault.amount))
        case .clientClockForward: clients[fault.client].process.calendarOffset += Self.minutes(fault.amount)
        case .clientClockBackward: clients[fault.client].process.calendarOffset -= Self.minutes(fault.amount)
        case .certificatesEnd: endCertificates(for: fault.span)
        case .certificatesRenew:
            shiftCalendars(by: Int64(FederationTemplate.certificateLife / .nanoseconds(1)) * 7 / 10)
        case .revocation: revoke(clients[fault.client], for: fault.span)
        case .tokenReplay: replayToken()
        case .lateUpdate: slowUntil[fault.client] = scheduler.now + fault.span
        case .failedTraining: failsUntil[fault.client] = scheduler.now + fault.span
        case .notFinite, .wrongShape, .wrongDigest, .oversize, .lyingCount, .staleOffer, .foreignOffer, .rubbish:
            let peer = HostilePeer(fault, in: self)
            hostilePeers.append(peer)
            peer.start()
        }
    }

    private func turnServerClock(by span: Int64) {
        server.process.calendarOffset += span
        serverClockError += span
    }

    private static func minutes(_ count: Int) -> Int64 { Int64(count + 1) * 60_000_000_000 }

    // MARK: - Links

    private func spoil(_ fault: Fault, _ change: (inout LinkCondition) -> Void) { spoil([fault.client], fault, change) }

    /// Concerns a part of the clients, as a broken switch does.
    private func spoilSome(_ fault: Fault, _ change: (inout LinkCondition) -> Void) {
        let size = fault.amount % 3 == 0 ? FederationTemplate.honest : fault.amount % 5 + 1
        spoil((0..<size).map { (fault.client + $0) % FederationTemplate.honest }, fault, change)
    }

    private func spoil(_ clients: [Int], _ fault: Fault, _ change: (inout LinkCondition) -> Void) {
        for client in clients { change(&network.links[client]) }
        scheduler.after(fault.span, as: scheduler.harness) { [self] in
            for client in clients { mend(client) }
        }
    }

    /// Gives a client its way to the server back.
    ///
    /// A connection that has lost a frame ends, as TLS would have ended it.
    private func mend(_ client: Int) {
        if network.links[client].losesFrames > 0 {
            for connection in network.connections where connection.client == client { connection.cut() }
        }
        network.links[client] = LinkCondition()
    }

    // MARK: - Disks

    private func die(_ process: SimulatedProcess, _ death: Death, at change: Int, isAfter: Bool = false) {
        deaths[ObjectIdentifier(process)] = death
        process.disk.changesUntilDeath = change
        process.disk.diesAfterChange = isAfter
    }

    private func failSync(of process: SimulatedProcess) {
        excuses.insert(process.name)
        process.disk.failsNextSync = true
    }

    private func fillDisk(of name: String, for span: Int64) {
        excuses.insert(name)
        fullUntil[name] = scheduler.now + span
        let refill = { [self] in
            for process in clients.map(\.process) + [server.process] where process.name == name {
                fillDisk(of: process)
            }
        }
        refill()
        scheduler.after(span, as: scheduler.harness, refill)
    }

    /// Starts another server where one runs; it must not get far.
    private func startSecondServer() {
        guard server.isServing, let state = try? StateDirectory(opening: server.folder) else { return }
        let second = SimulatedProcess(name: "second server", number: 99)
        let lock = scheduler.perform(as: second) { try? state.lock() }
        if lock != nil { checks.violate("A second server was let onto the state directory of the first.") }
        second.isAlive = false
    }

    // MARK: - Identities

    /// Lets the certificates' whole life pass on every calendar, and takes it back after a while.
    private func endCertificates(for span: Int64) {
        for client in clients { excuses.insert(client.name) }
        let life = Int64(FederationTemplate.certificateLife / .nanoseconds(1))
        shiftCalendars(by: life)
        calendarsAhead += 1
        scheduler.after(span, as: scheduler.harness) { [self] in
            shiftCalendars(by: -life)
            calendarsAhead -= 1
        }
    }

    private func shiftCalendars(by span: Int64) {
        for process in clients.map(\.process) + [server.process] { process.calendarOffset += span }
    }

    private func revoke(_ client: ClientNode, for span: Int64) {
        excuses.insert(client.name)
        let name = client.name
        guard server.isServing else { return }
        let process = server.process
        server.revoke(name, onlyOnRecord: bug == .ignoresRevocation) { [self] in
            scheduler.after(1_000_000_000, as: scheduler.harness) { [self] in
                guard server.process === process else { return }
                server.connectedClients { [self] names in
                    if names.contains(name) { checks.violate("'\(name)' is connected a second after it was revoked.") }
                }
            }
        }
        // Long enough for the daemon to have given up.
        scheduler.after(max(span, 3_000_000_000), as: scheduler.harness) { [self] in readmit(client) }
    }

    /// Invites a client again and has it join, as soon as the server serves.
    private func readmit(_ client: ClientNode) {
        guard server.isServing, calendarsAhead == 0 else {
            return scheduler.after(1_000_000_000, as: scheduler.harness) { [self] in readmit(client) }
        }
        let key = NodeKey()
        server.readmit(client.name, secret: secret(), publicKey: key.publicKey) { [self] certificate in
            guard let certificate else {
                return scheduler.after(1_000_000_000, as: scheduler.harness) { [self] in readmit(client) }
            }
            scheduler.perform(as: scheduler.harness) {
                client.grant(certificate, for: key)
                end(client.process, .killed)
            }
        }
    }

    private func secret() -> [UInt8] { (0..<32).map { _ in UInt8(draw(below: 256)) } }

    /// Uses one invitation from many places at once.
    private func replayToken() {
        guard server.isServing else { return }
        server.redeem(
            "guest-\(log.count)",
            secret: secret(),
            keys: (0..<3).map { _ in NodeKey().publicKey },
            isForgetful: bug == .honoursTokenTwice
        ) { [self] count in
            if count > 1 { checks.violate("One invitation gave \(count) certificates.") }
        }
    }

    // MARK: - The end of all faults

    /// Ends everything that is still wrong.
    func heal() {
        log.note("HEALED", scheduler.harness)
        isHealed = true
        for peer in hostilePeers { peer.stop() }
        for client in network.links.indices { mend(client) }
        slowUntil = [:]
        fullUntil = [:]
        failsUntil = [:]
        for process in clients.map(\.process) + [server.process] {
            process.disk = DiskCondition()
        }
        // As long as it is behind, it takes no certificate that was issued after what it shows.
        turnServerClock(by: -serverClockError)
    }
}
