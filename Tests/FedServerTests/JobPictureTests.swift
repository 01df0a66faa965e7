import Coordinator
import FederatedLearning
import Foundation
import Plotting
import Testing

@testable import FedServer

@Suite("The picture of a job")
struct JobPictureTests {
    private static func report(_ rounds: String) throws -> JobReport {
        let text = """
            {"rounds":[\(rounds)],"traffic":{},"summary":{"id":"x","name":"sentiment","phase":"running","rounds":9,
            "committedRounds":1,"isCharged":false,"submittedAt":"2026-11-29T13:00:00Z"}}
            """
        return try AdminCoding.decode(JobReport.self, from: Data(text.utf8))
    }

    private static func round(_ number: Int, accuracy: Double, loss: Double, silos: [String: Double]) -> String {
        let figures = silos.sorted { $0.key < $1.key }.map { "\"\($0.key)\":{\"accuracy\":\($0.value)}" }
        return """
            {"number":\(number),"clients":[],"trainingLoss":\(loss),"overall":{"accuracy":\(accuracy)},
            "silos":{\(figures.joined(separator: ","))},"traffic":{"up":10,"down":20},"isComplete":true}
            """
    }

    @Test("shows what was reached, by each of a few silos, and the training loss")
    func curves() throws {
        let report = try Self.report(
            [
                Self.round(0, accuracy: 0.2, loss: 2, silos: ["amazon": 0.1, "movies": 0.3]),
                Self.round(1, accuracy: 0.5, loss: 1, silos: ["amazon": 0.4, "movies": 0.6]),
            ].joined(separator: ",")
        )
        let picture = try #require(JobPicture(report).drawn()).file
        for text in ["Held-out accuracy", "amazon", "movies", "all silos", "Training loss", "Payload a round"] {
            #expect(picture.contains(text), "\(text)")
        }
        #expect(!picture.contains("ε so far"))
        #expect(picture.components(separatedBy: "<g transform=\"translate(0 ").count == 4)
    }

    @Test("leaves single silos out where they are many")
    func manySilos() throws {
        let silos = Dictionary(uniqueKeysWithValues: (0..<50).map { ("clinic-\($0)", 0.5) })
        let report = try Self.report(Self.round(0, accuracy: 0.5, loss: 1, silos: silos))
        let picture = try #require(JobPicture(report).drawn()).file
        #expect(!picture.contains("clinic-"))
    }

    @Test("is none before the first round")
    func empty() throws {
        #expect(try JobPicture(Self.report("")).drawn() == nil)
    }
}
