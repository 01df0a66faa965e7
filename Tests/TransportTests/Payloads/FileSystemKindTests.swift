import Foundation
import TestSupport
import Testing

@testable import Transport

@Suite("File systems")
struct FileSystemKindTests {
    private static let table = """
        22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
        30 22 0:26 / /srv rw master:1 - nfs4 server:/srv rw
        31 30 0:27 / /srv/local rw - xfs /dev/vdb rw
        32 22 0:28 / /mnt/with\\040blank rw - cifs //server/share rw
        33 22 0:29 / /home rw - fuse.sshfs host: rw
        34 22 0:30 / /twice rw - ext4 /dev/vdc rw
        35 22 0:31 / /twice rw - nfs server:/twice rw
        a line that is none
        """

    @Test(
        "are found by the longest mount point, the latest of several",
        arguments: [
            ("/var/lib", "ext4"), ("/srv", "nfs4"), ("/srv/state", "nfs4"), ("/srv/local/state", "xfs"),
            ("/srvx", "ext4"), ("/mnt/with blank/x", "cifs"), ("/home/me", "fuse.sshfs"), ("/twice/x", "nfs"),
        ]
    )
    func mounts(_ path: String, _ type: String) {
        #expect(FileSystemKind.type(of: path, in: Self.table) == type)
    }

    @Test("are told apart by what they promise")
    func kinds() {
        #expect(FileSystemKind(type: "nfs4") == .network("nfs4"))
        #expect(FileSystemKind(type: "cifs") == .network("cifs"))
        #expect(FileSystemKind(type: "fuse.sshfs") == .userspace("fuse.sshfs"))
        #expect(FileSystemKind(type: "9p") == .userspace("9p"))
        for type in ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", ""] {
            #expect(FileSystemKind(type: type) == .local)
        }
    }

    @Test("of this machine can be asked for")
    func here() async throws {
        try await withTemporaryDirectory { folder in
            _ = try FileSystemKind(of: folder)
        }
    }
}
