import Testing

@testable import Aggregation

struct ServerOptimizerRegistryTests {
    @Test("starts from the papers' values")
    func defaults() throws {
        #expect(ServerOptimizerRegistry.names == ["none", "fedavgm", "fedadam", "fedyogi", "fedadagrad"])
        #expect(try ServerOptimizerRegistry.optimizer(.init()) == nil)
        let momentum = try ServerOptimizerRegistry.optimizer(.init(name: "fedavgm"))
        #expect(momentum == ServerOptimizer(.momentum(0.9), learningRate: 1))
        let adam = try ServerOptimizerRegistry.optimizer(.init(name: "fedadam", learningRate: 0.01))
        #expect(adam?.rule == .adaptive(.adam, beta1: 0.9, beta2: 0.99, tau: 1e-3))
        #expect(adam?.learningRate == 0.01)
        let yogi = try ServerOptimizerRegistry.optimizer(.init(name: "fedyogi", tau: 0.1))
        #expect(yogi?.rule == .adaptive(.yogi, beta1: 0.9, beta2: 0.99, tau: 0.1))
        let adagrad = try #require(try ServerOptimizerRegistry.optimizer(.init(name: "fedadagrad")))
        #expect(adagrad == .fedAdagrad(learningRate: 1e-3))
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let settings: ServerOptimizerSettings
        let key: String
        let words: String
        var testDescription: String { "\(key) of \(settings.name)" }
    }

    static let refusals = [
        Refusal(settings: .init(name: "none", learningRate: 1), key: "learning_rate", words: "no effect"),
        Refusal(settings: .init(name: "fedavgm", beta1: 0.9), key: "beta1", words: "no effect"),
        Refusal(settings: .init(name: "fedadagrad", beta2: 0.9), key: "beta2", words: "no effect"),
        Refusal(settings: .init(name: "fedadam", momentum: 0.9), key: "momentum", words: "no effect"),
        Refusal(settings: .init(name: "fedavgm", momentum: 1), key: "momentum", words: "below 1"),
        Refusal(settings: .init(name: "fedavgm", learningRate: 0), key: "learning_rate", words: "above 0"),
        Refusal(settings: .init(name: "fedyogi", learningRate: .nan), key: "learning_rate", words: "nan"),
        Refusal(settings: .init(name: "fedadam", beta2: -0.1), key: "beta2", words: "-0.1"),
        Refusal(settings: .init(name: "fedadam", tau: .infinity), key: "tau", words: "at most 1000"),
    ]

    @Test("refuses values that mean nothing, naming the key", arguments: refusals)
    func refuses(_ test: Refusal) throws {
        let error = try #require(throws: AggregationError.self) {
            try ServerOptimizerRegistry.optimizer(test.settings)
        }
        guard case .unsuitableSetting(let key, _, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(key == "server_optimizer.\(test.key)")
        #expect(error.description.contains(test.words))
    }

    @Test("lists the known optimizers when a name is unknown")
    func unknown() {
        let error = #expect(throws: AggregationError.self) {
            try ServerOptimizerRegistry.optimizer(.init(name: "fedadgrad"))
        }
        #expect(error?.description.contains("fedadagrad") == true)
    }
}
