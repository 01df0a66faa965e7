/// An order's identity without the message around it.
struct OrderKey: Hashable, Sendable {
    let job: String
    let round: UInt32
    let kind: Int

    init(_ id: Tributary_V1_OrderID) {
        self.job = id.job
        self.round = id.round
        self.kind = id.kind.rawValue
    }
}

extension Tributary_V1_Control.OneOf_Message {
    /// The message's name in `control.proto`.
    var name: String {
        switch self {
        case .hello: "Hello"
        case .orderReply: "OrderReply"
        case .progress: "Progress"
        case .fetch: "Fetch"
        case .updateOffer: "UpdateOffer"
        case .evaluationResult: "EvaluationResult"
        case .renewalRequest: "RenewalRequest"
        case .logLines: "LogLines"
        case .welcome: "Welcome"
        case .order: "Order"
        case .orderWithdrawal: "OrderWithdrawal"
        case .uploadRequest: "UploadRequest"
        case .updateVerdict: "UpdateVerdict"
        case .evaluationReceipt: "EvaluationReceipt"
        case .renewalResponse: "RenewalResponse"
        case .logRequest: "LogRequest"
        case .ping: "Ping"
        case .pong: "Pong"
        case .goodbye: "Goodbye"
        case .enrolmentRequest: "EnrolmentRequest"
        case .enrolmentResponse: "EnrolmentResponse"
        }
    }
}
