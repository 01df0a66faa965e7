import DifferentialPrivacy
import Testing

@Suite("Privacy errors")
struct PrivacyErrorTests {
    @Test("name the parameter, its value and its range")
    func parameter() {
        let error = PrivacyError.parameter(name: "noise_multiplier", value: -1, range: "a finite number above 0")
        #expect(
            error.description == "`noise_multiplier` is -1.0, which is not in its range. Write a finite number above 0."
        )
    }
}
