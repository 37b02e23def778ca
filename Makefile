# `make` lists the targets. The work is done in scripts/, so that nothing here needs more than make and bash.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# make run PROFILE=release ARGS="--config watchword.toml"
PROFILE ?= dev
ARGS ?=
DENY_CHECKS ?= advisories bans licenses sources

# The pinned nats-server, for everything that is started from here.
export PATH := $(CURDIR)/.tools:$(PATH)

.PHONY: help run test snapshots fmt lint generate bench deny compose-check clean nats-server

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

nats-server: ## Install the pinned nats-server into .tools, if it is missing
	@scripts/install-nats-server.sh

run: ## Install nats-server if it is missing, build, and start the service on port 3001
	@PROFILE='$(PROFILE)' scripts/run.sh $(ARGS)

test: ## Install what the tests need; check format and lints; run every test
	@scripts/test.sh

snapshots: ## Write the snapshots of problem bodies and command output (tests/it/texts/snapshots)
	@INSTA_UPDATE=always cargo test --quiet --locked --workspace --all-features --test it -- texts:: snapshots every_documented_outcome streams_are_limited parallel_registrations_with

fmt: ## Format the code
	@cargo fmt --all

lint: ## Check format and lints, warnings denied
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets --all-features -- -D warnings

generate: ## Write the contracts under docs/reference and the tables in README.md and docs/EVENTS.md
	@scripts/generate.sh

bench: ## Measure speed and memory against the machine's own (ARGS="relay latency" chooses; ARGS=micro: criterion)
	@scripts/bench.sh $(ARGS)

# Not part of `make test`: the advisories come from the network (DENY_CHECKS="bans licenses sources" needs none).
deny: ## Check the dependencies: advisories, licences, duplicates, sources
	@command -v cargo-deny >/dev/null || { echo 'cargo-deny is missing: cargo install --locked cargo-deny' >&2; exit 1; }
	@cargo deny --workspace --all-features check $(DENY_CHECKS)

compose-check: ## Have docker-compose.yml read by a compose implementation, if there is one
	@scripts/check-compose.sh

clean: ## Remove what was built (.tools and the data directory stay)
	@cargo clean
