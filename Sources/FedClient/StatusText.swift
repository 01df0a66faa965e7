import ClientDaemon
import FederatedLearning
import Foundation

extension ClientStatus {
    /// The status as a few lines for people.
    ///
    /// What the server wrote of it begins no further line, and does nothing to the terminal.
    var text: String {
        var lines = ["\(PeerText.sentence(name ?? "This client")) is \(connectionText)."]
        if let problem { lines.append("problem    \(PeerText.line(problem))") }
        if let order = currentOrder {
            let step = order.step.flatMap { step in order.stepCount.map { ", step \(step) of \($0)" } } ?? ""
            let loss = order.loss.map { String(format: ", loss %.4f", $0) } ?? ""
            let job = PeerText.sentence(order.jobName)
            lines.append("working    \(job), round \(order.round), \(order.kind)\(step)\(loss)")
        }
        lines.append("updates    \(acceptedUpdates) accepted, \(rejectedUpdates) rejected, \(unjudgedUpdates) waiting")
        if let verdict = lastVerdict {
            let reason = verdict.reason.map { ": \(PeerText.sentence($0))" } ?? ""
            lines.append("latest     round \(verdict.round) \(verdict.accepted ? "accepted" : "rejected")\(reason)")
        }
        if let cost = privacyCost {
            let limit = cost.limit.map { " of at most \(PrivacyFigure.text($0))" } ?? ""
            lines.append("privacy    ε \(PrivacyFigure.text(cost.epsilon))\(limit) at δ = \(cost.delta)")
        }
        return lines.joined(separator: "\n")
    }

    private var connectionText: String {
        switch connection {
        case .connecting: "connecting to \(server)"
        case .connected: "connected to \(server) (process \(processIdentifier))"
        case .waiting: "waiting to reach \(server) (process \(processIdentifier))"
        case .stopped: "stopped"
        }
    }
}
