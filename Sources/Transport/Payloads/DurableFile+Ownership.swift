// `stat` belongs to the one or the other, whichever a compiler sees first.
private import CoreFoundation
private import Glibc

extension DurableFile {
    /// Makes a file that belongs to whom its folder belongs, when root makes it in somebody else's: a service that works there as
    /// another user has to read it.
    ///
    /// The folder is looked up once. Its owner could put another one in its place in between.
    ///
    /// - Returns: A descriptor, or a negative number when the system refused; `nil` when there is nothing to give away.
    static func createForOwner(of folder: String, _ name: String, _ flags: CInt, _ permissions: Int) -> CInt? {
        var status = stat()
        guard geteuid() == 0, stat(folder, &status) == 0, status.st_uid != 0 else { return nil }
        let place = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard place >= 0, fstat(place, &status) == 0 else { return place }
        defer { close(place) }
        let descriptor = openat(place, name, flags | O_CLOEXEC, mode_t(permissions))
        if descriptor >= 0 { _ = fchown(descriptor, status.st_uid, status.st_gid) }
        return descriptor
    }
}
