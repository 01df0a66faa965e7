import TestSupport
import Testing

/// What a power cut leaves.
@Suite("Volume")
struct VolumeTests {
    private var generator = SystemRandomNumberGenerator()

    @Test("a file that was forced to disk in a folder that was, too, is there after a power cut")
    mutating func durableFile() {
        var volume = Volume()
        volume.learn("/a/b", content: nil)
        let file = volume.create("/a/b")
        volume.write([1, 2, 3], at: 0, of: file)
        volume.sync(file)
        volume.sync(folder: "/a")
        for _ in 0..<20 { #expect(volume.afterPowerCut(using: &generator)["/a/b"] == .some([1, 2, 3])) }
    }

    @Test("a name that was not forced to disk is there or not, and both happen")
    mutating func nameInDoubt() {
        var volume = Volume()
        volume.learn("/a/b", content: nil)
        let file = volume.create("/a/b")
        volume.write([1], at: 0, of: file)
        volume.sync(file)
        let outcomes = (0..<200).map { _ in volume.afterPowerCut(using: &generator)["/a/b"] ?? nil }
        #expect(Set(outcomes) == [nil, [1]])
    }

    @Test("of an unforced write nothing, whole sectors or everything is left")
    mutating func tornWrite() {
        var volume = Volume()
        volume.learn("/f", content: [])
        volume.write([UInt8](repeating: 7, count: 1500), at: 0, of: volume.file(at: "/f") ?? 0)
        let lengths = Set((0..<400).map { _ in (volume.afterPowerCut(using: &generator)["/f"] ?? nil)?.count })
        #expect(lengths == [0, 512, 1024, 1500])
    }

    @Test("a rename either happened or not: never both names, never none")
    mutating func rename() {
        var volume = Volume()
        volume.learn("/d/new", content: [2])
        volume.learn("/d/old", content: [1])
        volume.move("/d/new", to: "/d/old")
        for _ in 0..<100 {
            let left = volume.afterPowerCut(using: &generator)
            let (old, new) = (left["/d/old"] ?? nil, left["/d/new"] ?? nil)
            #expect((old == [1] && new == [2]) || (old == [2] && new == nil))
        }
        #expect(volume.afterKill["/d/old"] == .some([2]))
    }

    @Test("a file lasts under its new name, though the folder that it came from was never forced to disk")
    mutating func renameAcrossFolders() {
        var volume = Volume()
        volume.learn("/partial/x", content: nil)
        volume.learn("/blobs/x", content: nil)
        let file = volume.create("/partial/x")
        volume.write([5], at: 0, of: file)
        volume.sync(file)
        volume.move("/partial/x", to: "/blobs/x")
        volume.sync(folder: "/blobs")
        for _ in 0..<20 { #expect(volume.afterPowerCut(using: &generator)["/blobs/x"] == .some([5])) }
    }

    @Test("what a failed fsync was to force to disk is lost, though programs go on seeing the file")
    mutating func failedSync() {
        var volume = Volume()
        volume.learn("/f", content: [1])
        let file = volume.file(at: "/f") ?? 0
        volume.write([9], at: 0, of: file)
        volume.losePending(of: file)
        #expect(volume.afterKill["/f"] == .some([9]))
        // Whoever reads it back from memory and forces it to disk hears that all is well.
        volume.sync(file)
        for _ in 0..<20 { #expect(volume.afterPowerCut(using: &generator)["/f"] == .some([1])) }
        volume.write([7], at: 1, of: file)
        #expect(volume.afterKill["/f"] == .some([9, 7]))
        volume.sync(file)
        for _ in 0..<20 { #expect(volume.afterPowerCut(using: &generator)["/f"] == .some([1, 7])) }
    }

    @Test("what a killed process had not forced to disk is seen by the next one, and lasts no longer than before")
    mutating func movedOn() {
        var volume = Volume()
        volume.learn("/a/d/kept", content: [1])
        volume.learn("/a/d/new", content: nil)
        volume.learn("/a/d/granted", content: [1])
        let new = volume.create("/a/d/new")
        volume.write([2], at: 0, of: new)
        volume.write([3], at: 0, of: volume.file(at: "/a/d/kept") ?? 0)
        var next = volume.moved(from: "/a", to: "/b")
        #expect(next.afterKill == ["/b/d/kept": [3], "/b/d/new": [2], "/b/d/granted": [1]])
        let outcomes = (0..<200).map { _ in next.afterPowerCut(using: &generator)["/b/d/new"] ?? nil }
        #expect(Set(outcomes) == [nil, [], [2]])
        next.sync(new)
        next.sync(folder: "/b/d")
        for _ in 0..<20 { #expect(next.afterPowerCut(using: &generator)["/b/d/new"] == .some([2])) }
        #expect(next.knows("/b/d/granted"))
        next.forget("/b/d/granted")
        #expect(!next.knows("/b/d/granted"))
    }
}
