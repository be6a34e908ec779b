# Cairn's commands. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Tools that are not Rust's live in the repository's own ignored folder.
TOOLS := $(CURDIR)/.tools
CARGO_DENY := $(TOOLS)/bin/cargo-deny
CARGO_DENY_VERSION := 0.20.2
BUF := tools/buf/node_modules/.bin/buf
# What the suites of tests/clients need, as their lock files have it, in ignored folders beside them.
PYTHON := tests/clients/python/.venv/bin
PYTHON_PACKAGES := tests/clients/python/.venv/installed
JAVASCRIPT_PACKAGES := tests/clients/javascript/node_modules/.package-lock.json
# Runs a command beside a server for it to talk to.
WITH_SERVER := $(CURDIR)/target/debug/with-server --
# Longer runs of the tests that repeat something: `make test KILL_ROUNDS=200`.
KILL_ROUNDS ?= 20
# Seconds that each fuzzed reader gets.
FUZZ_SECONDS ?= 5
# Random sequences of calls that are compared over both protocols, and which is the first: the same each time, so that
# what has passed passes again. `make test DIFFERENTIAL_SEED=` takes new ones.
DIFFERENTIAL_SEQUENCES ?= 10
DIFFERENTIAL_SEED ?= 1
# Hostile writes over each protocol that are read back in every way.
READBACK_WRITES ?= 100

.PHONY: help
help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the `cairn` binary, optimised, into target/release
	cargo build --release --locked

.PHONY: generate
generate: ## Rebuild the generated Rust from proto/ (no protoc needed)
	cargo run --locked --quiet --package cairn-api-codegen

.PHONY: format
format: $(PYTHON_PACKAGES) ## Format the code
	cargo fmt --all
	gofmt -w tests/clients/go
	$(PYTHON)/ruff format --quiet tests/clients/python

.PHONY: lint
lint: $(BUF) $(CARGO_DENY) $(PYTHON_PACKAGES) ## Check formatting, lints, licences and the proto files
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps --quiet
	$(BUF) lint
	test -z "$$(gofmt -l tests/clients/go)"
	go -C tests/clients/go vet ./...
	$(PYTHON)/ruff format --quiet --check tests/clients/python
	$(PYTHON)/ruff check --quiet tests/clients/python
	$(CARGO_DENY) --locked --workspace check --hide-inclusion-graph bans licenses sources

.PHONY: test
test: lint ## Check and test everything
	CAIRN_KILL_ROUNDS=$(KILL_ROUNDS) CAIRN_FUZZ_SECONDS=$(FUZZ_SECONDS) \
		CAIRN_DIFFERENTIAL_SEQUENCES=$(DIFFERENTIAL_SEQUENCES) CAIRN_DIFFERENTIAL_SEED=$(DIFFERENTIAL_SEED) \
		CAIRN_READBACK_WRITES=$(READBACK_WRITES) \
		cargo test --locked --workspace
	$(MAKE) --no-print-directory other-clients

.PHONY: clients
clients: other-clients ## Call a server with the AWS SDKs and the AWS CLI
	cargo test --locked --workspace --test aws_sdk

# All but Rust's. Testing `with-server` builds it, of what `cargo test` has built.
.PHONY: other-clients
other-clients: $(PYTHON_PACKAGES) $(JAVASCRIPT_PACKAGES)
	cargo test --locked --workspace --test with_server
	cd tests/clients/python && $(WITH_SERVER) .venv/bin/pytest
	cd tests/clients/javascript && $(WITH_SERVER) npm test
	cd tests/clients/go && $(WITH_SERVER) go test -count=1 ./...
	cd tests/clients/java && $(WITH_SERVER) mvn --batch-mode --quiet test

.PHONY: bench
bench: ## Measure the engine, signatures, and calls beside bare echoes
	cargo bench --locked --package cairn-storage-fjall
	cargo bench --locked --package cairn-auth
	cargo build --locked --release --package cairn --package cairn-bench-rpc
	target/release/cairn-bench-rpc

.PHONY: flights
flights: ## Load a year of flights, restart the server, and read every one back
	cargo build --locked --release --package cairn --package cairn-flights
	target/release/cairn-flights "$$(python3 bench/flights/fetch.py)"

.PHONY: demo
demo: ## Show real data going in and coming out
	cargo run --locked --release -- demo

.PHONY: clean
clean: ## Remove what was built and installed here
	cargo clean
	rm -rf $(TOOLS) tools/buf/node_modules tests/clients/python/.venv tests/clients/javascript/node_modules \
		tests/clients/java/target

# The binary comes inside the npm package.
$(BUF): tools/buf/package-lock.json
	npm ci --silent --prefix tools/buf
	@touch $@

$(PYTHON_PACKAGES): tests/clients/python/requirements.txt
	python3 -m venv --clear $(@D)
	$(PYTHON)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

$(JAVASCRIPT_PACKAGES): tests/clients/javascript/package-lock.json
	npm ci --silent --prefix $(<D)
	@touch $@

# Unoptimised: it runs for a second and would build for ten minutes.
$(CARGO_DENY):
	cargo install --locked --quiet --debug --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny
