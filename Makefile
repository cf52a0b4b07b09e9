# Everything here does its own set-up. A fresh Linux machine needs Rust, Go and Python 3 with venv, and for the tests
# Node.js 20 with npm and a JDK 17 with Maven; nothing else.

# Test failures are sentences; a backtrace of the test runner adds nothing to them.
export RUST_LIB_BACKTRACE = 0
# Tests wait more than they compute.
TEST_THREADS ?= 8
# What tests, demo and soak test start: `debug`, which is quick to build, or `release`, built as an image builds it.
OPERATOR ?= debug

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: surroundings
surroundings:
	@lab/control-plane.sh >/dev/null
	@lab/emulator.sh >/dev/null

.PHONY: lab
lab: surroundings tools ## Prepare control plane, AWS emulator, SDK programs, a browser and tools: minutes at the first time, then nothing
	@lab/consumers.sh consumers/{python,javascript,go,java} ../examples/{python,javascript,go,java,rust} >/dev/null
	@lab/cfn-lint.sh >/dev/null
	@lab/hcl.sh >/dev/null
	@lab/tofu.sh >/dev/null
	@lab/browser.sh >/dev/null

.PHONY: tools
tools:
	@lab/tools.sh >/dev/null
	@lab/prometheus.sh >/dev/null

.PHONY: operator
ifeq ($(OPERATOR),release)
# The operator's package alone: in one build with the lab, Cargo would give it the features that the lab asks for.
operator:
	cargo build --locked --release --package crossaccount-operator --bins
export CROSSACCOUNT_PROGRAMS := $(abspath $(or $(CARGO_TARGET_DIR),target))/release
else ifeq ($(OPERATOR),debug)
operator: ;
else
$(error OPERATOR=$(OPERATOR): write OPERATOR=debug or OPERATOR=release)
endif

.PHONY: test
test: lab operator ## Run every test against a real control plane and an AWS emulator; OPERATOR=release tests what is shipped
	cargo test --locked --workspace -- --test-threads=$(TEST_THREADS)

.PHONY: demo
demo: surroundings operator ## See the operator at work, from two manifests to a program that reads S3; KEEP=1 leaves it running
	cargo build --locked --workspace --bins
	cargo run --locked --quiet --package crossaccount-lab

.PHONY: e2e-node
e2e-node: surroundings operator ## See a pod on a real node renew, lose and regain its credentials; needs root; KEEP=1 leaves it running
	@for part in node/root node/kubernetes node/consumer programs; do lab/$$part.sh >/dev/null || exit; done
	cargo build --locked --workspace --bins
	cargo run --locked --quiet --package crossaccount-lab -- e2e-node

.PHONY: test-aws
test-aws: ## Check what the lab claims, and the main job, in two real accounts; DRY_RUN=1 only lists the calls; see docs/real-aws.md
	@[ -n "$(DRY_RUN)" ] || lab/control-plane.sh >/dev/null
	cargo build --locked --workspace --bins
	DRY_RUN=$(DRY_RUN) CLEAN=$(CLEAN) cargo run --locked --quiet --package crossaccount-lab -- test-aws

.PHONY: image
image: ## Write the container images of operator and agent into dist/, without a container engine; ARCHITECTURES="amd64 arm64"
	.ci/release images

.PHONY: dist
dist: ## Write all files of a release into dist/: images, programs, their contents and provenance; see docs/releasing.md
	.ci/release

.PHONY: bench
bench: ## Measure the release build into docs/benchmarks.md; WORK="one wave" picks workloads, SIZE=100 or 10000 the number of roles
	@lab/control-plane.sh >/dev/null
	cargo build --locked --release --workspace --bins
	SIZE=$(SIZE) cargo run --locked --release --quiet --package crossaccount-lab --bin bench -- $(WORK)

.PHONY: soak
soak: surroundings operator ## Kill the operator at random while objects change and AWS fails; MINUTES=10 SIZE=200 SEED=n; PAIRS=all adds crashes in pairs
	cargo build --locked --workspace --bins
	cargo run --locked --quiet --package crossaccount-lab -- soak
	@if [ -n "$(PAIRS)" ]; then CRASH_PAIRS=$(PAIRS) cargo test --locked --test tests -- crash --test-threads=$(TEST_THREADS); fi

.PHONY: test-upgrade
test-upgrade: surroundings operator ## Replace the operator of the commit FROM by this one and back, with roles in use, and look for what users notice
	@[ -n "$(FROM)" ] || { echo "write FROM=<commit>, such as make test-upgrade FROM=main" >&2; exit 1; }
	cargo build --locked --workspace --bins
	earlier=$$(lab/earlier.sh "$(FROM)") && cargo run --locked --quiet --package crossaccount-lab -- upgrade "$$earlier"

.PHONY: docs
docs: ## Build the documentation as a site into target/site, and check its links
	site/build.sh

.PHONY: lint
lint: ## Check format and lints
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: deny
deny: ## Check licenses and sources of all dependencies, and that there is one TLS stack
	.ci/cargo-deny check bans licenses sources

.PHONY: hooks
hooks: ## Have git check format, lints and generated files at each commit
	.ci/pre-commit install

.PHONY: generate
generate: lab ## Write what is generated: crds/, the manifests of deploy/ and docs/{reasons,fields,events,metrics}.md; from the tests, docs/{troubleshooting,plugin}.md
	UPDATE_GENERATED=1 cargo test --locked --lib -- committed
	deploy/render.sh
	UPDATE_GENERATED=1 cargo test --locked --test tests -- explain cli:: --test-threads=$(TEST_THREADS)

.PHONY: check-generated
check-generated: ## Check that `make generate` would change nothing in what is made without the lab; `make test` checks the rest
	cargo test --locked --lib -- committed

.PHONY: clean-cache
clean-cache: ## Remove what `make lab` built and all else that is kept outside the clone
	@. lab/cache.sh; echo "removing $$cache"; rm -rf "$$cache"
