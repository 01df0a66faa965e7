import ArgumentParser
import DifferentialPrivacy
import Testing

@testable import FedServer

@Suite("What is typed after privacy plan")
struct PlanRequestTests {
    static let whole = PlanRequest(epsilon: 8, delta: 1e-5, rounds: 200, clients: 1000, cohort: 50)

    struct Refusal: Sendable, CustomTestStringConvertible {
        let request: PlanRequest
        /// What the message must name.
        let names: [String]

        init(_ names: String..., change: (inout PlanRequest) -> Void) {
            var request = PlanRequestTests.whole
            change(&request)
            self.request = request
            self.names = names
        }

        var testDescription: String { names.joined(separator: " ") }
    }

    @Test("a cohort of clients is a sampling rate, and a rate of 1 is everyone")
    func questions() throws {
        let question = try Self.whole.question()
        #expect(question.known == .budget(8) && question.sampling == .poisson(rate: 0.05))
        #expect(question.expectedCohort == 50)
        let other = PlanRequest(noiseMultiplier: 1.5, delta: 1e-5, rounds: 2250, samplingRate: 0.04)
        #expect(try other.question().known == .noiseMultiplier(1.5))
        #expect(try other.question().expectedCohort == nil)
    }

    @Test(
        "what is missing, too much or out of its range is named, with what to write",
        arguments: [
            Refusal("--epsilon 8", "--noise-multiplier 1.5") { $0.epsilon = nil },
            Refusal("--epsilon", "--noise-multiplier", "not both") { $0.noiseMultiplier = 1 },
            Refusal("--delta 1e-5") { $0.delta = nil },
            Refusal("--rounds 200") { $0.rounds = nil },
            Refusal("--clients 1000") { $0.clients = nil },
            Refusal("--cohort 50") { $0.cohort = nil },
            Refusal("--cohort 50", "--sampling-rate 0.05") { ($0.cohort, $0.clients) = (nil, nil) },
            Refusal("--sampling-rate", "--cohort", "not both") { $0.samplingRate = 0.1 },
            Refusal("--cohort is 1001", "from 1 to --clients", "1000") { $0.cohort = 1001 },
            Refusal("--cohort is 0") { $0.cohort = 0 },
            Refusal("--cohort is 50") { $0.clients = -1 },
            Refusal("--epsilon is 0", "above 0") { $0.epsilon = 0 },
            Refusal("--epsilon is nan") { $0.epsilon = .nan },
            Refusal("--noise-multiplier is -1", "above 0") { ($0.epsilon, $0.noiseMultiplier) = (nil, -1) },
            Refusal("--delta is 0.", "between 0 and 1") { $0.delta = 0 },
            Refusal("--delta is 0.001", "1/1000") { $0.delta = 0.001 },
            Refusal("--rounds is 0", "at least 1") { $0.rounds = 0 },
            Refusal("--rounds is 100001", "from 1 to 100000") { $0.rounds = 100_001 },
            Refusal("--rounds is 9.22337e+18", "from 1 to 100000") { $0.rounds = .max },
            Refusal("--sampling-rate is 1.5", "at most 1") { ($0.cohort, $0.samplingRate) = (nil, 1.5) },
        ]
    )
    func refusals(_ refusal: Refusal) {
        let error = #expect(throws: PlanRequestError.self) { try refusal.request.question() }
        let message = error?.description ?? ""
        for name in refusal.names { #expect(message.contains(name)) }
    }

    @Test("the command refuses the same as wrong usage, which ends with 2")
    func usage() {
        let arguments = [
            ["--delta", "1e-5"], ["--epsilon", "8", "--rounds", "many"], ["--epsilon", "8", "--delta", "0.1"],
        ]
        for arguments in arguments {
            let error = #expect(throws: (any Error).self) { try PrivacyPlanCommand.parse(arguments) }
            guard let error else { continue }
            #expect(ServerCommand.exitCode(for: error) == .validationFailure)
        }
        #expect(ExitStatus(PrivacyError.parameter(name: "delta", value: 2, range: "less")) == .usage)
    }
}
