# One build serves the demo, the tests and the benchmarks: optimised, because numeric code in a debug build is 50 times
# slower, and testable.
SWIFT_BUILD := -c release -Xswiftc -enable-testing
# The package manager writes the traits of a dependency in the order of a hashed set: unseeded, so that the same build
# is not done again because two flags changed places.
export SWIFT_DETERMINISTIC_HASHING := 1
FORMATTED := Package.swift Sources Tests

.PHONY: demo test half-open slow-line python-test deployment-test kill crash-states flipped-bits dst dst-bugs attack fuzz \
	bench dashboard soak coverage lint format build setup data verify-with-peft protocol peft-federation \
	verify-adapters man install docs docs-test deb deb-try clean

demo: data build ## Four silos fine-tune a language model over TLS, here on this machine
	examples/four-silos/run

test: data ## Every test, the end-to-end ones over loopback TLS included
	swift build $(SWIFT_BUILD) --build-tests
	swift test --skip-build $(SWIFT_BUILD)
	swift run --skip-build $(SWIFT_BUILD) KillHarness --kills 20 --recovery 60
	swift run --skip-build $(SWIFT_BUILD) StoreHarness crash-states --states 300
	swift run --skip-build $(SWIFT_BUILD) StoreHarness flipped-bits --flips 300
	swift run --skip-build $(SWIFT_BUILD) fed-dst run --seeds 200
	protocol/python/test
	examples/three-hosts/run
	Tests/HalfOpen/run
	cd Documentation && python3 -m unittest --quiet test_pages
	Documentation/check_pages.py --if-possible

half-open: data build ## How soon a server notices that a client's machine is gone (network namespaces; as root)
	Tests/HalfOpen/run

RATE ?= 2000
slow-line: data build ## Whether a round gets through a line of RATE bytes a second
	Tests/SlowLine/run $(RATE)

python-test: build ## The Python client against golden vectors and the real server
	protocol/python/test

deployment-test: data build ## One server and two silos on three hosts, in at most seven commands (network namespaces; as root)
	examples/three-hosts/run

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

SEEDS ?= 2000
dst: ## Plays SEEDS federations on simulated clocks, networks and disks, each with faults of its own
	swift build $(SWIFT_BUILD) --product fed-dst
	.build/release/fed-dst run --seeds $(SEEDS)

dst-bugs: ## Plants one bug after the other, to see whether dst finds it
	swift build $(SWIFT_BUILD) --product fed-dst
	.build/release/fed-dst bugs

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

dashboard: ## Opens the dashboard in headless Chromium with 0, 5 and 5,000 clients, and measures it
	swift build $(SWIFT_BUILD) --product fed-server
	swift build $(SWIFT_BUILD) --product fed-client
	Tests/DashboardBrowser/measure.py

MINUTES ?= 120
soak: data build ## A server and four clients without work, for MINUTES minutes: does any of them grow?
	Tests/Soak/run $(MINUTES)

coverage: setup ## Which branches of the decoders of frames and safetensors no test takes
	Tests/Coverage/run

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

protocol: ## Generates the Swift and the Python code of protocol/control.proto again
	protocol/generate-swift
	protocol/generate-python

peft-federation: data ## Two native and two PEFT silos in one federation, as good as four native ones (installs 1.7 GB once)
	examples/peft-trainer/run

verify-adapters: build ## Compares `fed-server adapter` with Hugging Face peft, and its GGUF files with gguf (VENV=a Python with both)
	$(VENV)/bin/python Tests/AdapterToolsTests/Fixtures/check_adapter_commands.py .build/release/fed-server

PROGRAMS := fed-server fed-client fed-sim

man: build ## Writes the manual pages in packaging/man again, after a command line has changed
	for program in $(PROGRAMS); do \
	  .build/release/$$program --experimental-dump-help | packaging/make-manual > packaging/man/$$program.1 || exit 1; done

PREFIX ?= /usr/local
install: build ## Installs programs, manual pages and shell completions below DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	for program in $(PROGRAMS); do \
	  install .build/release/$$program $(DESTDIR)$(PREFIX)/bin/ && \
	  install -m 644 packaging/man/$$program.1 $(DESTDIR)$(PREFIX)/share/man/man1/ && \
	  .build/release/$$program --generate-completion-script bash \
	    > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program && \
	  .build/release/$$program --generate-completion-script zsh \
	    > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$program && \
	  .build/release/$$program --generate-completion-script fish \
	    > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$program.fish || exit 1; done

docs: build ## Renders the book into .build/book
	Documentation/build_book.py

docs-test: data build ## Runs every command of the documentation on machines of its own; with LONG=1 those that take minutes, too
	cd Documentation && python3 -m unittest --quiet test_pages
	Documentation/check_pages.py $(if $(LONG),--long)

deb: build ## Debian packages in .build/deb, with the Swift runtime inside
	packaging/deb/build

deb-try: deb data ## Installs, uses, upgrades, removes and purges the packages in a bare Debian (as root; needs debootstrap)
	packaging/deb/try

clean:
	swift package clean
