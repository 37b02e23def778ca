# `make` lists the targets. scripts/ does the work, so that make and bash are enough here.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# make run PROFILE=release ARGS="--config watchword.toml"
PROFILE ?= dev
ARGS ?=
DENY_CHECKS ?= advisories bans licenses sources

# The pinned nats-server, for everything that is started from here.
export PATH := $(CURDIR)/.tools:$(PATH)

.PHONY: help run test test-peers campaign fuzz snapshots fmt lint generate publish bench deny compose-check clean nats-server

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

nats-server: ## Install the pinned nats-server into .tools unless it is installed
	@scripts/install-nats-server.sh

run: ## Build and start the service on port 3001; install nats-server if it is missing
	@PROFILE='$(PROFILE)' scripts/run.sh $(ARGS)

test: ## Install the test dependencies, check format and lints, run all tests
	@scripts/test.sh

test-peers: ## Check contracts, clients and workflows with tools of other languages; skip those that cannot be installed
	@scripts/test-peers.sh

campaign: ## Break everything around two instances under load, and check what is left (ARGS="--minutes 60 --seed 7")
	@scripts/campaign.sh $(ARGS)

fuzz: ## Fuzz every parser that meets the outside, a minute each (needs cargo-fuzz; ARGS="bodies settings" selects)
	@scripts/fuzz.sh $(ARGS)

snapshots: ## Write the snapshots of problem bodies and command output (tests/it/texts/snapshots)
	@INSTA_UPDATE=always cargo test --quiet --locked --workspace --all-features --test it -- texts:: snapshots every_documented_outcome streams_are_limited parallel_registrations_with

fmt: ## Format the code
	@cargo fmt --all

lint: ## Check format and lints; warnings are errors
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

generate: ## Write docs/reference, docs/CONFIGURATION.md and the event table in docs/EVENTS.md
	@scripts/generate.sh

publish: ## Keep the OpenAPI document of this version in docs/reference/published (once per release)
	@scripts/publish.sh

bench: ## Measure speed and memory (ARGS="relay latency" selects benchmarks, ARGS=micro runs criterion)
	@scripts/bench.sh $(ARGS)

# Not part of `make test`: advisories need the network (DENY_CHECKS="bans licenses sources" does not).
deny: ## Check the dependencies: advisories, licenses, duplicates, sources
	@command -v cargo-deny >/dev/null || { echo 'cargo-deny is not installed; run: cargo install --locked cargo-deny' >&2; exit 1; }
	@cargo deny --workspace --all-features check $(DENY_CHECKS)

compose-check: ## Validate docker-compose.yml if Docker Compose is installed
	@scripts/check-compose.sh

clean: ## Delete the build (.tools and the data directory stay)
	@cargo clean
