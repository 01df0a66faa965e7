package import FederatedLearning
package import Foundation

/// Why the coordinator could not do what it was asked.
package enum CoordinatorError: Error, Equatable {
    // MARK: The state directory

    /// `init` was given a folder that already holds something.
    case folderNotEmpty(path: String)
    /// The folder holds no `server.yaml`.
    case notAStateDirectory(path: String)
    /// Another process holds the lock.
    case alreadyRunning(path: String, process: Int32?)
    case invalidSettings(path: String, problem: String)
    case invalidAddress(String)
    /// The admin API was to listen where others can reach it.
    case adminNotOnLoopback(String)
    case fileFailed(path: String, action: FileAction, reason: String)
    /// A newer version of the program wrote the database.
    case databaseTooNew(path: String)
    case databaseUnusable(path: String, reason: String)
    /// The database is not as it was written.
    case databaseDamaged(path: String, reason: String)
    /// Payloads that records name are missing or changed; at least one.
    case payloadsDamaged([PayloadDamage])
    /// The latest commits are not in the database, though they were acknowledged.
    case commitsLost(path: String, mark: String, count: Int)
    /// The note of how many commits were acknowledged is not as it was written.
    case commitMarkDamaged(path: String)
    /// The folder lies where locks and shared memory do not work.
    case networkStorage(path: String, kind: String)

    // MARK: Backups and the audit log

    case notABackup(path: String)
    case backupDamaged(path: String, file: String)
    /// This entry of the audit log is the first that is not as it was written, or is missing.
    case auditBroken(entry: Int64)

    // MARK: Jobs

    case unknownJob(JobID)
    /// A submit token was used for another job before.
    case tokenReused(JobID)
    case nothingToExport(JobID)
    /// The job is finished, failed or cancelled already.
    case jobIsOver(JobID)
    /// The database names an adapter that its tables do not hold, or one with impossible figures.
    case corruptRecord(table: String, key: String)

    // MARK: Clients

    case invalidClientName(String)
    /// One authority is taking over from another already.
    case rotationUnderWay(until: Date)
    case unknownClient(String)
    case clientAway(String)
    /// The silo's policy does not let the server read its log.
    case logNotLent(String)
    /// Others read the client's log already.
    case tooManyReaders(String)

    // MARK: The admin API

    case serverNotRunning(path: String)
    case serverUnreachable(address: String, reason: String)
    /// The server stopped while a job was waited for.
    case serverStopped(JobID)
    /// The server answered with an error; the message is its own.
    case serverRefused(status: Int, message: String)

    package enum FileAction: String, Sendable {
        case create, read, write, lock
    }
}

extension CoordinatorError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .folderNotEmpty(let path):
            "'\(path)' already exists. Give `--dir` a new folder, or start what is there with `fed-server run --dir \(path)`."
        case .notAStateDirectory(let path):
            "'\(path)' is not a server's state directory. Make one with `fed-server init --dir \(path)`."
        case .alreadyRunning(let path, let process):
            """
            Another server\(process.map { " (process \($0))" } ?? "") is running on '\(path)'. \
            Stop it first, or give `--dir` another folder.
            """
        case .invalidSettings(let path, let problem):
            "'\(path)' cannot be used: \(problem)"
        case .invalidAddress(let text):
            "'\(text)' is not an address. Write HOST:PORT, such as 127.0.0.1:8443, 0.0.0.0:8443 or [::1]:8443."
        case .adminNotOnLoopback(let address):
            """
            The admin API cannot listen on \(address): it carries no TLS. \
            Set `admin_listen` to 127.0.0.1 and reach it through an SSH tunnel.
            """
        case .fileFailed(let path, let action, let reason):
            "Cannot \(action.rawValue) '\(path)': \(reason). Check the folder's owner, its permissions and the free space."
        case .databaseTooNew(let path):
            "'\(path)' was written by a newer version. Use that version of fed-server, or restore an older backup."
        case .databaseUnusable(let path, let reason):
            "'\(path)' cannot be used: \(reason). Check its permissions and the disk, or restore a backup."
        case .databaseDamaged(let path, let reason):
            """
            '\(path)' is damaged: \(reason). Stop the server, check the disk, and restore the latest backup: \
            `fed-server restore`.
            """
        case .payloadsDamaged(let damage):
            damage.map(\.description).joined(separator: "\n")
        case .commitsLost(let path, let mark, let count):
            """
            '\(path)' lacks the last \(count) commits: its log was damaged, or an older file was put in its place. Restore a \
            backup; or delete '\(mark)' to go on without them.
            """
        case .commitMarkDamaged(let path):
            "'\(path)' is damaged. Check the disk, then delete the file: the next commit writes it anew."
        case .networkStorage(let path, let kind):
            """
            '\(path)' lies on \(kind), where the database's locks and shared memory do not work and rounds could be lost. \
            Keep the state directory on a local disk, and copy backups to the network: `fed-server backup`.
            """
        case .notABackup(let path):
            "'\(path)' is no backup: it has no backup.json. Name a folder that `fed-server backup` wrote."
        case .backupDamaged(let path, let file):
            "'\(file)' of the backup '\(path)' is missing or not as it was written. Use another backup, or another copy of it."
        case .auditBroken(let entry):
            """
            The audit log is not as it was written: entry \(entry) was changed, removed or put in. Keep a copy of the state \
            directory as it is, and compare it with the latest backup that verifies.
            """
        case .unknownJob(let id):
            "There is no job '\(id)'. See `fed-server job list`."
        case .tokenReused(let id):
            "The submit token belongs to job '\(id)', which was submitted from another file. Use a new token."
        case .nothingToExport(let id):
            "Job '\(id)' has no adapter yet. Wait for its first round: `fed-server job wait \(id)`."
        case .jobIsOver(let id):
            "Job '\(id)' is over already. See `fed-server job status \(id)`."
        case .corruptRecord(let table, let key):
            "The record '\(key)' of table '\(table)' is damaged. Stop the server and restore a backup of the state directory."
        case .invalidClientName(let name):
            """
            '\(name)' cannot name a client. Use 1 to 64 of a–z, 0–9, '-', '.' and '_', beginning with a letter or digit.
            """
        case .rotationUnderWay(let end):
            """
            A new authority is taking over already, until \(end.formatted(.iso8601)). Wait for that, or every client that has \
            not renewed by then needs a new invitation.
            """
        case .unknownClient(let name):
            "There is no client '\(name)'. See `fed-server clients`."
        case .clientAway(let name):
            "'\(name)' is not connected. See `fed-server clients`."
        case .logNotLent(let name):
            """
            '\(name)' does not lend its log. Its data steward can write `logs: allowed` into policy.yaml and start the client \
            again.
            """
        case .tooManyReaders(let name):
            "Too many read the log of '\(name)' at a time. Try again when others have stopped."
        case .serverNotRunning(let path):
            "No server is running on '\(path)'. Start it with `fed-server run --dir \(path)`."
        case .serverUnreachable(let address, let reason):
            "The server at \(address) does not answer (\(reason)). Check that `fed-server run` is alive, and its log."
        case .serverStopped(let id):
            "The server stopped before job '\(id)' was over. Start it again: the job goes on, and so does `job wait`."
        case .serverRefused(let status, let message):
            message.isEmpty ? "The server answered with status \(status). See its log." : message
        }
    }
}
