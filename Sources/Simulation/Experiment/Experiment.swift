package import FederatedLearning

/// What `fed-sim run` simulates: a job, and the world that it runs in.
package struct Experiment: Hashable, Sendable {
    package var job: JobConfiguration
    /// N, how many clients are registered; `nil` for one a value of the partition's field.
    package var clients: Int?
    package var data: DataSettings
    package var partition: PartitionSettings
    package var ranks: RankSettings
    /// The kinds of devices; empty where work takes no time.
    package var devices: [DeviceClass]
    package var availability: Availability
    /// The folder that a run writes to, from the experiment's on; `nil` for `results`.
    package var output: String?
    /// The seeds that a sweep goes through; empty for the job's own.
    package var seeds: [UInt64]
    /// After how many rounds the state is saved.
    package var checkpointEvery: Int

    package init(
        job: JobConfiguration,
        clients: Int?,
        data: DataSettings,
        partition: PartitionSettings = PartitionSettings(),
        ranks: RankSettings = RankSettings(),
        devices: [DeviceClass] = [],
        availability: Availability = Availability(),
        output: String? = nil,
        seeds: [UInt64] = [],
        checkpointEvery: Int = 1
    ) {
        self.job = job
        self.clients = clients
        self.data = data
        self.partition = partition
        self.ranks = ranks
        self.devices = devices
        self.availability = availability
        self.output = output
        self.seeds = seeds
        self.checkpointEvery = checkpointEvery
    }
}

/// Which texts the clients hold.
package struct DataSettings: Hashable, Sendable {
    /// JSON lines or CSV files: absolute paths, paths from the experiment's folder on, or names in the cache's `data`.
    package var files: [String]

    package init(files: [String]) { self.files = files }
}
