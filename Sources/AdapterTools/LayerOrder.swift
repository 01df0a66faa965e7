private import Foundation

/// The order in which layers are listed: `layer.2` before `layer.10`.
enum LayerOrder {
    static func precedes(_ left: String, _ right: String) -> Bool {
        let order = left.compare(right, options: .numeric)
        return order == .orderedSame ? left < right : order == .orderedAscending
    }
}
