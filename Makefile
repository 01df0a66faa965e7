# One build serves the demo, the tests and the benchmarks: optimised, because numeric code in a debug build is 50 times
# slower, and testable.
SWIFT_BUILD := -c release -Xswiftc -enable-testing
# The package manager writes the traits of a dependency in the order of a hashed set: unseeded, so that the same build
# is not done again because two flags changed places.
export SWIFT_DETERMINISTIC_HASHING := 1
FORMATTED := Package.swift Sources Tests

.PHONY: demo test attack kill crash-states flipped-bits fuzz bench lint format build setup data verify-with-peft protocol clean

demo: data build ## Four silos fine-tune a language model over TLS, here on this machine
	examples/four-silos/run

test: data ## Every test, the end-to-end ones over loopback TLS included
	swift build $(SWIFT_BUILD) --build-tests
	swift test --skip-build $(SWIFT_BUILD)
	swift run --skip-build $(SWIFT_BUILD) KillHarness --kills 20 --recovery 60
	swift run --skip-build $(SWIFT_BUILD) StoreHarness crash-states --states 300
	swift run --skip-build $(SWIFT_BUILD) StoreHarness flipped-bits --flips 300

ROUNDS ?= 1000
kill: ## Kills the server and its clients ROUNDS times over TLS, and checks that nothing acknowledged is lost
	swift build $(SWIFT_BUILD) --product fed-server
	swift build $(SWIFT_BUILD) --product KillHarness
	swift run --skip-build $(SWIFT_BUILD) KillHarness --kills $(ROUNDS)

STATES ?= 10000
crash-states: ## Recovers the server's store from STATES states in which a crash can leave it (0: from all)
	swift build $(SWIFT_BUILD) --product StoreHarness
	swift run --skip-build $(SWIFT_BUILD) StoreHarness crash-states --states $(STATES)

FLIPS ?= 10000
flipped-bits: ## Turns FLIPS bits of the server's store, one after the other, and checks that each is noticed
	swift build $(SWIFT_BUILD) --product StoreHarness
	swift run --skip-build $(SWIFT_BUILD) StoreHarness flipped-bits --flips $(FLIPS)

attack: data ## Every attack on a server process of its own, a siege, and a crowd of idle clients
	ENABLE_ATTACK=1 swift build $(SWIFT_BUILD)
	.build/release/fed-attack run
	.build/release/fed-attack siege
	.build/release/fed-attack siege --members 0
	.build/release/fed-attack idle

TARGET ?= frames
RUNS ?= 1000000
fuzz: setup ## Fuzzes one reader of bytes from outside: make fuzz TARGET=safetensors RUNS=1000000
	fuzz/run $(TARGET) $(RUNS)

bench: data ## Measures speed and memory, each beside this machine's own limit
	ENABLE_BENCHMARKS=1 swift build $(SWIFT_BUILD)
	ENABLE_BENCHMARKS=1 swift run --skip-build $(SWIFT_BUILD) TributaryBenchmarks

lint:
	swift format lint --strict --recursive --parallel $(FORMATTED)

format:
	swift format --in-place --recursive --parallel $(FORMATTED)

build: setup
	swift build $(SWIFT_BUILD)

setup: ## Installs the system libraries that are missing
	.ci/setup

data: setup ## Fetches the base model and the texts once, into the cache folder
	python3 examples/four-silos/fetch.py

verify-with-peft: ## Loads the demo's adapter with Hugging Face peft and compares its predictions (installs 1.7 GB once)
	examples/four-silos/verify-with-peft

protocol: ## Generates the Swift code of protocol/control.proto again
	protocol/generate-swift

clean:
	swift package clean
