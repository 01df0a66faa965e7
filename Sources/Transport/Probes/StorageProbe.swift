package import Foundation

/// How much room there is where a program keeps its files.
package enum StorageProbe {
    /// Below this there is hardly room for the next adapters: 1 GB.
    private static let scarce: Int64 = 1_000_000_000

    /// Finds the free space of the file system that `folder` lies on.
    ///
    /// - Parameters:
    ///   - folder: Which exists.
    ///   - needed: How many bytes there have to be; 1 GB unless more is needed.
    /// - Returns: What is free, or that it is too little.
    package static func freeSpace(at folder: URL, needed: Int64? = nil) -> Finding {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
        guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.int64Value else {
            return Finding(
                "disk",
                isWell: false,
                "The free space of '\(folder.path)' cannot be read. Check that it exists."
            )
        }
        let needed = needed ?? scarce
        guard free >= needed else {
            return Finding(
                "disk",
                isWell: false,
                "\(text(free)) are free at '\(folder.path)', fewer than \(text(needed)). Make room: uploads are refused when it is full."
            )
        }
        return Finding("disk", isWell: true, "\(text(free)) free")
    }

    private static func text(_ bytes: Int64) -> String {
        bytes < 10_000_000_000 ? "\(bytes / 1_000_000) MB" : "\(bytes / 1_000_000_000) GB"
    }
}
