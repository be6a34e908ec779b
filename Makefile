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
# Longer runs of the tests that repeat something: `make test KILL_ROUNDS=200`.
KILL_ROUNDS ?= 20
# Seconds that each fuzzed reader gets.
FUZZ_SECONDS ?= 5

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
format: ## Format the Rust code
	cargo fmt --all

.PHONY: lint
lint: $(BUF) $(CARGO_DENY) ## Check formatting, lints, licences and the proto files
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps --quiet
	$(BUF) lint
	$(CARGO_DENY) --locked --workspace check --hide-inclusion-graph bans licenses sources

.PHONY: test
test: lint ## Check and test everything
	CAIRN_KILL_ROUNDS=$(KILL_ROUNDS) CAIRN_FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --locked --workspace

.PHONY: bench
bench: ## Measure the engine, and calls over gRPC beside a bare echo
	cargo bench --locked --package cairn-storage-fjall
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
	rm -rf $(TOOLS) tools/buf/node_modules

# The binary comes inside the npm package.
$(BUF): tools/buf/package-lock.json
	npm ci --silent --prefix tools/buf
	@touch $@

# Unoptimised: it runs for a second and would build for ten minutes.
$(CARGO_DENY):
	cargo install --locked --quiet --debug --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny
