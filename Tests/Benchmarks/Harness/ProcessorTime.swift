import Glibc

/// The processor time that this process has taken.
///
/// It says what work costs where other programs make the time on the clock say little.
enum ProcessorTime {
    /// Seconds of all threads, in this program and in the kernel for it.
    static var now: Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
    }
}
