private import Foundation
package import Logging
private import Transport

extension StateDirectory {
    /// Makes sure that the folder lies where a database and a lock can be relied on.
    ///
    /// - Parameter logger: Where it says that a program answers for the files.
    /// - Throws: ``CoordinatorError/networkStorage(path:kind:)``.
    package func checkStorage(logger: Logger) throws {
        switch try FileSystemKind(of: root) {
        case .local: break
        case .network(let kind): throw CoordinatorError.networkStorage(path: root.path, kind: kind)
        case .userspace(let kind):
            logger.warning(
                "A program answers for the state directory's files; make sure that it keeps locks and forces files to disk",
                metadata: ["path": "\(root.path)", "kind": "\(kind)"]
            )
        }
    }
}
