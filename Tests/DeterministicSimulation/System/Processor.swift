private import CSimulatedSystem

/// The real processor, whatever is simulated.
package enum Processor {
    /// How long this process has worked, in nanoseconds.
    package static var time: Int64 { real_processor_time() }
}
