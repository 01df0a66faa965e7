/// A kind of device, and how fast it is.
package struct DeviceClass: Hashable, Sendable {
    package var name: String
    /// Which share of the clients has one; shares count relative to one another.
    package var share: Double
    /// How many tokens of local training it does in a second; `nil` when it takes no time.
    package var tokensPerSecond: Double?
    /// In 10⁶ bits a second; `nil` when transfers take no time.
    package var uploadMegabits: Double?
    package var downloadMegabits: Double?
    /// In seconds, once a transfer.
    package var latency: Double
    /// The largest rank that its memory allows; `nil` for any.
    package var maximumRank: Int?

    package init(
        name: String,
        share: Double = 1,
        tokensPerSecond: Double? = nil,
        uploadMegabits: Double? = nil,
        downloadMegabits: Double? = nil,
        latency: Double = 0,
        maximumRank: Int? = nil
    ) {
        self.name = name
        self.share = share
        self.tokensPerSecond = tokensPerSecond
        self.uploadMegabits = uploadMegabits
        self.downloadMegabits = downloadMegabits
        self.latency = latency
        self.maximumRank = maximumRank
    }

    /// The device of experiments that do not speak of devices: it does everything at once.
    package static let immediate = DeviceClass(name: "any")
}

extension DeviceClass {
    /// How long fetching so many bytes takes.
    package func downloadTime(bytes: Int) -> Duration { transferTime(bytes: bytes, megabits: downloadMegabits) }

    /// How long sending so many bytes takes.
    package func uploadTime(bytes: Int) -> Duration { transferTime(bytes: bytes, megabits: uploadMegabits) }

    /// How long training on so many tokens takes.
    package func trainingTime(tokens: Int) -> Duration {
        tokensPerSecond.map { .seconds(Double(tokens) / $0) } ?? .zero
    }

    private func transferTime(bytes: Int, megabits: Double?) -> Duration {
        .seconds(latency + (megabits.map { Double(bytes) * 8 / ($0 * 1e6) } ?? 0))
    }
}
