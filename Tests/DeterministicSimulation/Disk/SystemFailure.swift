/// An error number that a file operation ends with.
struct SystemFailure: Error, Equatable {
    let code: Int32

    init(_ code: Int32) {
        self.code = code
    }
}
