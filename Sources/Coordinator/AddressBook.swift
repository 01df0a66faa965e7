/// Where the listeners of a starting server ended up, for those who wait until all are known.
actor AddressBook {
    private let process: Int32
    private var federation: ListenAddress?
    private var enrolment: ListenAddress?
    private var admin: ListenAddress?
    private var waiting: [CheckedContinuation<ListenAddress, Never>] = []
    private let onComplete: @Sendable (BoundAddresses) -> Void

    /// Opens an empty book; `onComplete` is called once, when the last listener is bound.
    init(process: Int32, onComplete: @escaping @Sendable (BoundAddresses) -> Void) {
        self.process = process
        self.onComplete = onComplete
    }

    /// Returns where the federation listens, as soon as that is known.
    func federationAddress() async -> ListenAddress {
        if let federation { return federation }
        return await withCheckedContinuation { waiting.append($0) }
    }

    func federationIsBound(to address: ListenAddress) {
        federation = address
        for continuation in waiting { continuation.resume(returning: address) }
        waiting = []
        completeIfPossible()
    }

    func enrolmentIsBound(to address: ListenAddress) {
        enrolment = address
        completeIfPossible()
    }

    func adminIsBound(to address: ListenAddress) {
        admin = address
        completeIfPossible()
    }

    private func completeIfPossible() {
        guard let federation, let enrolment, let admin else { return }
        onComplete(BoundAddresses(federation: federation, enrolment: enrolment, admin: admin, process: process))
    }
}
