import FederatedLearning

/// `GET /metrics`: what was counted, what the database holds, and what the process costs, in Prometheus's text format.
///
/// Label values are a closed set: outcomes, directions, phases of jobs, bounds of buckets, one version. No client and no job
/// is ever named, so the number of series does not grow.
struct MetricsExposition: Sendable {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private let registry: MetricsRegistry
    private let administration: Administration
    private let process = ProcessFigures()

    init(registry: MetricsRegistry, administration: Administration) {
        self.registry = registry
        self.administration = administration
    }

    func text() async throws -> String {
        try await families().map(\.text).joined()
    }

    func families() async throws -> [MetricFamily] {
        let families = try await registry.families + databaseFigures() + process.families
        return families.sorted { $0.name < $1.name }
    }

    private func databaseFigures() async throws -> [MetricFamily] {
        let counts = try await administration.store.clients.counts()
        let jobs = try await administration.store.jobs.standing()
        func gauge(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
            MetricFamily(name, .gauge, help, [(MetricFamily.Labels(), value)])
        }
        return [
            MetricFamily(
                "tributary_build_info",
                .gauge,
                "1, with the version of the server.",
                [(MetricFamily.Labels([("version", Software.version)]), 1)]
            ),
            gauge("tributary_enrolled_clients", "Clients whose certificates are not revoked.", Double(counts.enrolled)),
            MetricFamily(
                "tributary_jobs",
                .gauge,
                "Jobs, by phase.",
                JobSummary.Phase.allCases.map { phase in
                    (MetricFamily.Labels([("phase", phase.rawValue)]), Double(jobs.phases[phase] ?? 0))
                }
            ),
            gauge(
                "tributary_job_rounds_committed",
                "Committed rounds of the job that runs; 0 when none does.",
                Double(jobs.running?.committed ?? 0)
            ),
            gauge(
                "tributary_job_rounds",
                "Rounds of the job that runs; 0 when none does.",
                Double(jobs.running?.rounds ?? 0)
            ),
            gauge(
                "tributary_job_epsilon",
                "ε that the job that runs has spent; 0 when none does or nothing is charged.",
                jobs.running?.epsilon ?? 0
            ),
        ]
    }
}
