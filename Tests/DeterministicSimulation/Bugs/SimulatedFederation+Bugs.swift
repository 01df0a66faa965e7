import Adapters
import FederatedLearning
import Foundation
import LinearAlgebra

// Planted bugs of disks, of clients, and of what happens when one starts.

extension SimulatedFederation {
    func plantDiskBugs() {
        guard let bug else { return }
        disk.ignoresLocks = bug == .ignoresLock
        disk.skipsSync = { process, path in
            let isServer = process.name == "server"
            let isFolder = path.hasSuffix("/blobs") || path.hasSuffix("/records")
            return switch bug {
            case .skipsPayloadSync: isServer && path.contains("/payloads/") && !isFolder
            case .skipsPayloadFolderSync: isServer && path.hasSuffix("/payloads/blobs")
            case .skipsDatabaseSync: isServer && path.contains(".sqlite")
            case .skipsOutboxSync: !isServer && path.contains("/outbox/")
            // A ledger is written in a file beside it first.
            case .skipsLedgerSync: !isServer && (path.contains("privacy.json") || !path.dropFirst(1).contains("outbox"))
            default: false
            }
        }
        disk.skipsRemoval = { process, path in
            let isServer = process.name == "server"
            return switch bug {
            case .keepsPayloads: isServer && path.contains("/payloads/blobs/")
            case .keepsOutbox: !isServer && path.contains("/outbox/records/")
            default: false
            }
        }
    }

    /// Spoils what a client finds when it starts again.
    func plantStartBugs(at client: ClientNode) {
        switch bug {
        case .forgetsOutbox:
            let records = client.folder.appendingPathComponent("outbox/records")
            for name in (try? FileManager.default.contentsOfDirectory(atPath: records.path)) ?? [] {
                try? FileManager.default.removeItem(at: records.appendingPathComponent(name))
            }
        case .forgetsLedger:
            try? FileManager.default.removeItem(at: client.folder.appendingPathComponent("privacy.json"))
        default: break
        }
    }

    /// Spoils what a client trains from.
    func changedByBug(_ adapter: LoRAAdapter, _ order: WorkOrder, at client: Int, _ generation: Int) -> LoRAAdapter {
        switch bug {
        case .trainsStaleAdapter:
            guard client % 5 == 0 else { return adapter }
            if let first = firstAdapters[client] { return first }
            firstAdapters[client] = adapter
            return adapter
        case .trainsTwice where generation > 1:
            var adapter = adapter
            for name in adapter.savedTensors.keys { adapter.savedTensors[name]?.elements[client] += 0.5 }
            return adapter
        default:
            return adapter
        }
    }
}
