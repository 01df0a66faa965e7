// `stat` belongs to the one or the other, whichever a compiler sees first.
private import CoreFoundation
private import Glibc

extension DurableFile {
    /// Gives what root has just made to whom its folder belongs: a service that works there as another user has to read it.
    static func giveAway(_ descriptor: CInt, ofFolder path: String) {
        var folder = stat()
        guard stat(path, &folder) == 0, folder.st_uid != 0 else { return }
        _ = fchown(descriptor, folder.st_uid, folder.st_gid)
    }
}
