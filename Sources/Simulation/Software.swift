/// The version that results are marked with.
package enum Software {
    package static let version = "0.1.0"
}
