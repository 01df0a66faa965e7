private import Foundation

/// What keeps a client from doing what it was asked on its own machine.
///
/// Descriptions are for the data steward and may name local files. What leaves the silo is for ``Disclosure`` to say.
package enum ClientError: Error, Hashable, Sendable {
    // The directory
    case notJoined(path: String)
    case alreadyJoined(path: String)
    case directoryInUse(path: String)
    case neverRan(path: String)
    case exposed(path: String, allowed: Int)
    case cannotRead(path: String, reason: String)
    case cannotWrite(path: String, reason: String)
    /// Locks, or what is forced to disk, cannot be relied on there.
    case remoteStorage(path: String, kind: String)
    // The configuration
    case malformedConfiguration(path: String, line: Int?, reason: String)
    case unknownKey(path: String, line: Int, key: String, nearest: String?, known: [String])
    case invalidValue(path: String, key: String, found: String, expected: String)
    case otherServer(path: String, found: String, invited: String)
    /// The directory has joined, and its configuration still names another port or host.
    case serverMoved(path: String, found: String, joined: String)
    case noServer(path: String)
    case noData(path: String)
    /// The silo's own policy does not allow this file.
    case dataNotAllowed(data: String, policy: String)
    // Work
    case modelNotFound(name: String, candidates: [String])
    case modelDiffers(name: String, expected: String, candidates: [String])
    case outputExists(path: String)
}

// MARK: - For the data steward

extension ClientError: CustomStringConvertible, LocalizedError {
    package var errorDescription: String? { description }

    package var description: String {
        switch self {
        case .notJoined(let path):
            "'\(path)' belongs to no federation yet. Run `fed-client join JOIN-STRING --dir \(path)` with the string of your invitation."
        case .alreadyJoined(let path):
            """
            '\(path)' has already joined a federation. Run `fed-client run --dir \(path)`, or join with another --dir; \
            `fed-client join --again` replaces this membership.
            """
        case .directoryInUse(let path):
            "Another fed-client works in '\(path)'. Stop it first, or give this one a --dir of its own."
        case .neverRan(let path):
            "No daemon has run in '\(path)' yet. Start it with `fed-client run --dir \(path) --data FILE`."
        case .exposed(let path, let allowed):
            "Others may open or change '\(path)'. Run `chmod \(String(allowed, radix: 8)) \(path)`."
        case .cannotRead(let path, let reason):
            "'\(path)' cannot be read: \(Self.clause(reason)). Check the path and its permissions."
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(Self.clause(reason)). Check the disk's space and the folder's permissions."
        case .remoteStorage(let path, let kind):
            """
            '\(path)' lies on \(kind), where locks and what is forced to disk cannot be relied on. Give --dir a folder on a \
            local disk.
            """
        case .malformedConfiguration(let path, let line, let reason):
            "'\(path)'\(line.map { " line \($0)" } ?? "") is no valid configuration: \(Self.clause(reason)). Correct the file."
        case .unknownKey(let path, let line, let key, let nearest?, _):
            "'\(path)' line \(line) has the unknown key '\(key)'. Did you mean '\(nearest)'?"
        case .unknownKey(let path, let line, let key, nil, let known):
            "'\(path)' line \(line) has the unknown key '\(key)'. The known keys are \(known.joined(separator: ", "))."
        case .invalidValue(let path, let key, let found, let expected):
            "'\(key)' in '\(path)' is '\(found)'. Write \(expected)."
        case .otherServer(let path, let found, let invited):
            "'\(path)' names the server \(found), but the invitation is from \(invited). Remove `server` from the file, or join with another --dir."
        case .serverMoved(let path, let found, let joined):
            "The directory has joined, but '\(path)' names the server \(found), and the federation is at \(joined). Write that in the file."
        case .noServer(let path):
            "'\(path)' names no server. Write `server: {host: NAME, port: NUMBER}`."
        case .noData(let path):
            "No data file is given. Write `data: FILE` in '\(path)', or run with --data FILE."
        case .dataNotAllowed(let data, let policy):
            "'\(policy)' does not allow '\(data)'. Add it to `data` there, or give another file."
        case .modelNotFound(let name, let candidates):
            """
            The base model '\(name)' is not on this machine (looked in \(candidates.joined(separator: ", "))). \
            Download it, then run with --model DIR or add it to `models` in client.yaml.
            """
        case .modelDiffers(let name, let expected, let candidates):
            """
            No copy of the base model '\(name)' has the job's SHA-256 \(expected) \
            (looked in \(candidates.joined(separator: ", "))). Download the job's version.
            """
        case .outputExists(let path):
            "'\(path)' is already there. Give --out a folder that does not exist yet."
        }
    }

    /// A reason as part of a sentence: without a full stop of its own.
    private static func clause(_ reason: String) -> String {
        reason.hasSuffix(".") ? String(reason.dropLast()) : reason
    }
}
