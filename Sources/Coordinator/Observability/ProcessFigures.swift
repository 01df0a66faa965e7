private import Foundation
private import Glibc

/// What the process costs, read from `/proc`, under the names that Prometheus's own clients use.
struct ProcessFigures {
    private let started = Date().timeIntervalSince1970

    /// The figures of this moment; empty where there is no `/proc`.
    var families: [MetricFamily] {
        var families = [
            MetricFamily(
                "process_start_time_seconds",
                .gauge,
                "When the server was started, in seconds since 1970.",
                [(MetricFamily.Labels(), started.rounded())]
            )
        ]
        if let memory = Self.residentBytes {
            families.append(
                MetricFamily(
                    "process_resident_memory_bytes",
                    .gauge,
                    "Resident memory.",
                    [(MetricFamily.Labels(), memory)]
                )
            )
        }
        families.append(
            MetricFamily(
                "process_cpu_seconds_total",
                .counter,
                "User and system time spent.",
                [(MetricFamily.Labels(), Self.processorSeconds)]
            )
        )
        if let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            families.append(
                MetricFamily(
                    "process_open_fds",
                    .gauge,
                    "Open file descriptors.",
                    [(MetricFamily.Labels(), Double(descriptors))]
                )
            )
        }
        return families
    }

    private static var residentBytes: Double? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static var processorSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
