import Foundation

/// Where errors and notes go, so that standard output holds nothing but results.
enum StandardError {
    static func write(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}
