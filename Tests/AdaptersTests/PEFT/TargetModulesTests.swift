import Testing

@testable import Adapters

struct TargetModulesTests {
    private let paths = [
        "bert.encoder.layer.0.attention.self.query", "bert.encoder.layer.0.attention.output.dense",
        "bert.encoder.layer.1.attention.self.query", "bert.pooler.dense", "query",
    ]

    @Test("a name targets the path that equals it and those that end with a point and it")
    func names() throws {
        let (targeted, unmatched) = try TargetModules.names(["query", "output.dense", "uery", "value"])
            .select(from: paths)
        #expect(targeted == [paths[0], paths[1], paths[2], paths[4]])
        #expect(unmatched == ["uery", "value"])
    }

    @Test("an expression targets the paths that it matches whole")
    func expression() throws {
        let selection = try TargetModules.expression(#"bert\.encoder\.layer\.[01]\..*(query|key)"#).select(from: paths)
        #expect(selection.targeted == [paths[0], paths[2]])
        #expect(selection.unmatched.isEmpty)
        #expect(try TargetModules.expression("quer").select(from: paths).unmatched == ["quer"])
        #expect(throws: AdapterError.invalidPattern("[", key: "target_modules")) {
            try TargetModules.expression("[").select(from: paths)
        }
    }

    @Test("all-linear targets everything")
    func allLinear() throws {
        #expect(try TargetModules.allLinear.select(from: paths).targeted == paths)
    }

    @Test("names compare as a set")
    func equality() {
        #expect(TargetModules.names(["a", "b"]) == .names(["b", "a"]))
        #expect(TargetModules.names(["a"]) != .names(["a", "b"]))
        #expect(TargetModules.names(["a"]) != .expression("a"))
    }
}
