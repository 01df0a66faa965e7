private import Foundation

/// The standard output, each line as it comes, also when it is a file.
enum Output {
    static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
