private import FederatedLearning
package import WireProtocol

extension TaskMessage {
    /// The message as it travels: everything that a client ever says about its work is put together here.
    package var message: Tributary_V1_Control.OneOf_Message {
        switch self {
        case .accept(let id):
            return Self.reply(id, accepted: true, reason: "")
        case .refuse(let id, let reason):
            return Self.reply(id, accepted: false, reason: reason)
        case .object(let id, let reason):
            return Self.reply(id, accepted: false, reason: reason, isPolicy: true)
        case .offer(let update):
            var offer = Tributary_V1_UpdateOffer()
            offer.id = update.order.id.message
            offer.adapter = update.adapter.message
            offer.exampleCount = UInt64(clamping: update.exampleCount)
            offer.metrics = AllowedFigures.filter(update.metrics)
            return .updateOffer(offer)
        case .report(let id, let report):
            var result = Tributary_V1_EvaluationResult()
            result.id = id.message
            result.exampleCount = UInt64(clamping: report.exampleCount)
            result.metrics = AllowedFigures.filter(report.metrics)
            return .evaluationResult(result)
        case .progress(let id, let progress):
            var message = Tributary_V1_Progress()
            message.id = id.message
            message.step = UInt32(clamping: progress.step)
            message.stepCount = UInt32(clamping: progress.stepCount)
            message.loss = progress.loss
            return .progress(message)
        }
    }

    private static func reply(
        _ id: WorkOrder.ID,
        accepted: Bool,
        reason: String,
        isPolicy: Bool = false
    ) -> Tributary_V1_Control.OneOf_Message {
        var reply = Tributary_V1_OrderReply()
        reply.id = id.message
        reply.accepted = accepted
        reply.reason = reason
        reply.refusedByPolicy = isPolicy
        return .orderReply(reply)
    }
}
