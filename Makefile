# The whole interface of the repository. `make run` shows the product, `make test` proves it; every target does its own set-up.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.SUFFIXES:
.DELETE_ON_ERROR:
.NOTPARALLEL:

BUN ?= node_modules/.bin/bun
SOURCES := $(shell find cmd src -name '*.ts' ! -name '*.test.ts' 2>/dev/null) package.json bun.lock scripts/build.ts

.PHONY: help run test ci check fmt lint docs build smoke bench setup clean

help: ## list the targets
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

run: ## build for this machine and do the main job on it and on this repository
	@scripts/setup.sh bwrap
	$(MAKE) --no-print-directory dist/reeve
	scripts/demo.sh

test: ## run every test and print `N passed, N failed`
	@scripts/setup.sh bwrap dockerd busybox openssl python3 strace tmux
	$(MAKE) --no-print-directory dist/reeve
	$(BUN) scripts/test.ts

ci: ## everything that must hold before a change goes in
	@scripts/setup.sh bwrap dockerd busybox openssl python3 strace tmux qemu nix
	$(MAKE) --no-print-directory check build smoke test

check: setup ## format, types, lint, dead code, generated documents, flake
	@$(BUN) fmt --check
	$(BUN) check
	$(BUN) --bun node_modules/.bin/biome lint --error-on-warnings
	$(BUN) node_modules/knip/bin/knip-bun.js --no-progress --treat-config-hints-as-errors
	$(BUN) scripts/docs.ts --check
	scripts/flake.sh

fmt: setup ## format everything
	@$(BUN) fmt

lint: setup ## lint only
	@$(BUN) --bun node_modules/.bin/biome lint --error-on-warnings

docs: setup ## write the generated documents
	@$(BUN) scripts/docs.ts
	scripts/flake.sh --write

build: setup ## dist/reeve, dist/reeve-linux-x64 and dist/reeve-linux-arm64
	@$(BUN) scripts/build.ts x64 arm64

smoke: ## try the arm64 binary, under emulation where need be
	@scripts/setup.sh qemu
	test -x dist/reeve-linux-arm64 || $(MAKE) --no-print-directory build
	scripts/smoke.sh

bench: setup ## measure, and write docs/specs/benchmarks.md
	@$(MAKE) --no-print-directory dist/reeve
	$(BUN) bench/index.ts

setup:
	@scripts/setup.sh

clean: ## remove what was built
	@rm -rf dist coverage

dist/reeve: $(SOURCES)
	@$(BUN) scripts/build.ts
