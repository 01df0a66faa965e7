import ArgumentParser
private import AttackSuite

/// Names every attack and its threat.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Name every attack and its threat.")

    func run() {
        for attack in AttackCatalogue.all {
            Output.line("\(attack.name)\t\(attack.threat.rawValue)\(attack.takesLong ? "\tlong" : "")")
        }
    }
}
