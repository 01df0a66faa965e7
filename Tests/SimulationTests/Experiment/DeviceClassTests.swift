import FederatedLearning
import Testing

@testable import Simulation

@Suite("Device classes")
struct DeviceClassTests {
    @Test("take a second for as many tokens as they do in one, and eight for a megabyte at one megabit")
    func times() {
        let device = DeviceClass(
            name: "phone",
            tokensPerSecond: 500,
            uploadMegabits: 1,
            downloadMegabits: 4,
            latency: 0.5
        )
        #expect(device.trainingTime(tokens: 1250) == .seconds(2.5))
        #expect(device.uploadTime(bytes: 1_000_000) == .seconds(8.5))
        #expect(device.downloadTime(bytes: 1_000_000) == .seconds(2.5))
    }

    @Test("take a time that can be told where they are as slow as an experiment may have them")
    func slowest() throws {
        let experiment = try ExperimentFile.parse(
            ExperimentFileTests.job + ExperimentFileTests.world
                + "devices: [{name: a, tokens_per_second: 1e-6, upload_mbit: 1e-6, download_mbit: 0.000001}]\n"
        ).experiment
        let device = try #require(experiment.devices.first)
        #expect(device.trainingTime(tokens: 1_000_000_000) == .seconds(1e15))
        #expect(device.uploadTime(bytes: 1_000_000_000) == .seconds(8e9))
        #expect(device.downloadTime(bytes: 1_000_000_000) == .seconds(8e9))
    }

    @Test("do at once what they say nothing about")
    func immediate() {
        #expect(DeviceClass.immediate.trainingTime(tokens: 1_000_000) == .zero)
        #expect(DeviceClass.immediate.uploadTime(bytes: 1_000_000) == .zero)
        #expect(DeviceClass(name: "far", latency: 2).downloadTime(bytes: 1) == .seconds(2))
    }
}
