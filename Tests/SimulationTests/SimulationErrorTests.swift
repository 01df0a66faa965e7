import Simulation
import Testing

@Test("An error names the key, and says what to write")
func errorNamesTheKey() {
    let error = SimulationError.invalidKey(key: "partition.alpha", problem: "is 0", remedy: "Write a positive number.")
    #expect(error.description == "`partition.alpha` is 0. Write a positive number.")
}
