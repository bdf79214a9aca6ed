# "make" or "make help" lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# IMAGE is the name and tag of the image, ARCHS the platforms it is for: "amd64 arm64".
IMAGE ?= wafer:dev
ARCHS ?= $(shell go env GOARCH)

BUILDFLAGS = -tags no_fs_access,grpcnotrace -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'

# FUZZTIME is how long each fuzz target runs, TESTTIMEOUT how long the tests of one package may.
FUZZTIME    ?= 30s
TESTTIMEOUT ?= 20m

# PLAIN selects the tests of the packages MIXED that run without the race detector: those that measure
# or compare, and those that compile many policies, in one goroutine, which takes minutes with it.
empty :=
space := $(empty) $(empty)
PLAIN_TESTS := Complexity Levels SlowExpressions Sound Hostile Memory Sequences RandomSequences Corpus Mutations Samples \
	Markup CoreRules EveryTransformation EveryPrefix EveryByte Mixtures EveryRune Random$$ XML Bodies Uploads Exclusion \
	RequestVerdicts ContentTypes InspectionMemory Spellings Scores MultipartEvasions AttacksAreShown Properties \
	TouchesIsSmall BestFit Literals HardExpressions Few$$ Agrees Paranoia Decided Possible ValidFilesBuild BuildProblems ProofAccepts ProbesAskTheScreen \
	ImportedRoutes RoundTrip Derived
PLAIN := ^Test($(subst $(space),|,$(strip $(PLAIN_TESTS))))|^FuzzSound$$|Allocat|IdleMemory

MIXED    = $(shell go list ./waf/... ./access/... ./wire ./routing ./proxy ./coding ./cmd/wafer ./importer/suite)
PRODUCT  = $(shell go list ./... | grep -v '/wafer/test/')

# AGREEMENT is how many requests each parser gets in the long form of the agreement suite.
AGREEMENT   ?= 20000

# SOAKTIME is how long the soak test mixes traffic and faults; its clients wait SOAKPACE times
# their usual pause between requests, more than 1 where the machine has other work.
SOAKTIME    ?= 10m
SOAKPACE    ?= 1

# BENCH selects Go benchmarks, BENCHCOUNT is how often each runs: benchstat wants six or more.
# BENCH_SECONDS is how long one measurement of a load scenario takes, BENCH_REPETITIONS how often
# each is made; bench/run.sh has the defaults.
BENCH             ?= .
BENCHCOUNT        ?= 6
BENCH_SECONDS     ?=
BENCH_REPETITIONS ?=

# Every Go module in the tree. What only tests, load tools or linters need has a module of its
# own, so that the product's go.mod lists what ships. CODE leaves out tools, which hold no code.
MODULES := $(patsubst ./%/,%,$(sort $(dir $(shell find . -name go.mod -not -path '*/testdata/*'))))
MODULES := $(patsubst ./,.,$(MODULES))
CODE    := $(filter-out tools tools/%,$(MODULES))

GOLANGCI  := bin/tools/golangci-lint
BENCHSTAT := bin/tools/benchstat
HELM      := bin/tools/helm
PROMETHEUS := bin/tools/prometheus
AXE       := bin/tools/axe.min.js

##@ Use

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# no_fs_access: the rule engine keeps everything in memory. Otherwise it would write each part of
# an upload to a temporary file, and not start without a writable folder.
# grpcnotrace: the client of gRPC, which events and traces leave by, has no pages for browsers.
.PHONY: build
build: ## Build bin/wafer, one static binary
	CGO_ENABLED=0 go build $(BUILDFLAGS) -o bin/wafer ./cmd/wafer

.PHONY: derive
derive: ## Write waf/screen/prefilter/derived.bin anew, after a change of CRS or of that package
	@go test -count=1 -run '^TestDerived$$' ./waf/screen/prefilter -derive -v

.PHONY: schema
schema: ## Write schema/*.json anew, after a change of the types, of docs/configuration.md or docs/operations.md
	@go test -count=1 -run '^TestSchemas$$' ./config ./audit -schemas
	@cd test/cluster && go test -count=1 -run '^TestChartDerived$$' . -derive

.PHONY: chart
chart: ## Write anew what charts/wafer has from schema, manifests and values.yaml
	@cd test/cluster && go test -count=1 -run '^TestChartDerived$$' . -derive

.PHONY: shots
shots: need-chromium $(AXE) ## Write anew the pictures of docs/page.md
	@cd test/browser && go test -count=1 -run '^TestPage$$/^states$$' . -shots

.PHONY: image
image: ## Build dist/wafer.tar, an image archive of IMAGE for ARCHS, and its bill of materials
	@for a in $(ARCHS); do \
		echo "== bin/linux-$$a/wafer"; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$a go build $(BUILDFLAGS) -o "bin/linux-$$a/wafer" ./cmd/wafer; \
	done
	@cd image && go run . -name '$(IMAGE)' -version '$(VERSION)' -o ../dist/wafer.tar -sbom ../dist/wafer.cdx.json $(ARCHS:%=../bin/linux-%/wafer)

# The platforms that a release has a binary for, the commit it is of, and who builds it.
PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64
COMMIT     = $(shell git rev-parse HEAD)
EPOCH      = $(shell git log -1 --format=%ct)
BUILDER   ?= https://github.com/wafer-waf/wafer/blob/main/docs/release.md#who-builds

.PHONY: release
release: release-ready release-files ## Build dist/release/VERSION from a commit that is tagged: all files of a release

.PHONY: release-ready
release-ready:
	@cd image && go run ./release ready -version '$(VERSION)'

.PHONY: release-files
release-files: ## The same from any commit, to try it
	@cd image && go run ./release noted -version '$(VERSION)'
	@for p in $(PLATFORMS); do \
		echo "== dist/build/$$p/wafer"; \
		CGO_ENABLED=0 GOOS=$${p%-*} GOARCH=$${p#*-} go build $(BUILDFLAGS) -o "dist/build/$$p/wafer" ./cmd/wafer; \
	done
	@cd image && go run . -name 'wafer:$(VERSION)' -version '$(VERSION)' -o ../dist/build/image.tar -sbom ../dist/build/sbom.json \
		../dist/build/linux-amd64/wafer ../dist/build/linux-arm64/wafer
	@cd image && go run ./release files -version '$(VERSION)' -commit '$(COMMIT)' -epoch '$(EPOCH)' -builder '$(BUILDER)' \
		-binaries ../dist/build -image ../dist/build/image.tar -sbom ../dist/build/sbom.json -o '../dist/release/$(VERSION)'

# The second build shares nothing with the first: another folder, other caches.
.PHONY: release-check
release-check: ## Build the release of HEAD twice, compare the files, and install and run them (10 minutes)
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	for n in first second-time; do \
		echo "== $$n build"; \
		git clone -q . "$$dir/$$n"; \
		GOCACHE="$$dir/cache-$$n" $(MAKE) -s -C "$$dir/$$n" release-files VERSION='$(VERSION)'; \
	done; \
	diff -r "$$dir/first/dist/release" "$$dir/second-time/dist/release"; \
	echo "== both builds are the same"; \
	cd image; WAFER_TEST_RELEASE="$$dir/first/dist/release/$(VERSION)" go test -count=1 -v -run TestRelease ./release

.PHONY: run
run: build ## Build and run the demo: two backends, the tier in front, no configuration
	bin/wafer demo

##@ Verify

# "make test" is one "go test" for each line, and every test is run by one of them:
# test/architecture reads what "make -n test" prints, and fails for a test that none would run.
# With -short, tests that compare take samples of every kind; "make test-full" has them take all.
test: SHORT := -short
test-full: SHORT :=

# COMPARED are the packages below test that ask rules in this process, one request after the other:
# tests that race are elsewhere.
COMPARED = $(shell go list ./test/ordinary ./test/stock ./test/corpus ./test/complexity)

# The binaries that tests below test run, built once for all of them.
TIERS := $(CURDIR)/bin/test

.PHONY: test
test: need-gcc need-curl need-redis need-rsyslog need-chromium build-tests $(HELM) $(PROMETHEUS) $(AXE) ## Run all tests with the race detector, comparisons on samples (15 minutes on two cores the first time)
	$(run-tests)
	@echo "== go test -race (other modules)"
	@$(MAKE) --no-print-directory -j 3 --output-sync=target SHORT='$(SHORT)' $(MODULE_TESTS)
	$(run-tiers)

.PHONY: test-full
test-full: need-gcc need-curl need-redis need-rsyslog need-chromium build-tests $(HELM) $(PROMETHEUS) $(AXE) ## Run all tests, comparisons in full: before a release (30 minutes)
	$(run-tests)
	@echo "== go test -race (other modules)"
	@$(MAKE) --no-print-directory -j 3 --output-sync=target SHORT='$(SHORT)' $(MODULE_TESTS)
	$(run-tiers)

.PHONY: build-tests
build-tests: need-gcc
	@CGO_ENABLED=1 go build -tags no_fs_access,grpcnotrace -race -buildvcs=false -o $(TIERS)/wafer ./cmd/wafer
	@go build -tags no_fs_access,grpcnotrace -buildvcs=false -o $(TIERS)/wafer-plain ./cmd/wafer

define run-tests
	@echo "== go test -race (everything but what is below)"
	@CGO_ENABLED=1 go test -race $(SHORT) -timeout $(TESTTIMEOUT) $(filter-out $(MIXED),$(PRODUCT))
	@CGO_ENABLED=1 go test -race $(SHORT) -timeout $(TESTTIMEOUT) -skip '$(PLAIN)' $(MIXED)
	@# Whoever counts allocations or measures cannot use the race detector, and whoever compares the
	@# screen with what it screens for, value by value, does not need it.
	@echo "== go test (comparisons, allocations)"
	@go test $(SHORT) -timeout $(TESTTIMEOUT) -run '$(PLAIN)' $(MIXED)
	@go test $(SHORT) -timeout $(TESTTIMEOUT) $(COMPARED)
endef

# What these read of the tree, outside of their module, the test cache does not watch. Most of them wait for a browser, a
# collector or a package manager, so that others run meanwhile.
MODULE_TESTS := $(addprefix test-in-,$(subst /,.,$(filter-out .,$(CODE))))

.PHONY: $(MODULE_TESTS)
$(MODULE_TESTS): test-in-%:
	@cd $(subst .,/,$*) && WAFER_TEST_BINARIES=$(TIERS) CGO_ENABLED=1 go test -race $(SHORT) -count=1 -timeout $(TESTTIMEOUT) ./...

# These run the binary, which the test cache knows nothing of, and wait for it most of the time.
define run-tiers
	@echo "== go test -race (test)"
	@WAFER_TEST_BINARIES=$(TIERS) CGO_ENABLED=1 go test -race $(SHORT) -count=1 -p 3 -timeout $(TESTTIMEOUT) $(filter-out $(COMPARED),$(shell go list ./test/...))
endef

.PHONY: test-complexity
test-complexity: ## Look for work that grows faster than its input, in full (an hour)
	WAFER_TEST_COMPLEXITY=full go test -p 1 -count=1 -timeout 24h -run '^TestComplexity' -v ./waf/...

# E2E_LOAD is the command that brings an image archive to the cluster's nodes.
E2E_LOAD ?= kind load image-archive
# E2E_KILL is one that ends a container by its id, without asking it. Empty: none is killed.
E2E_KILL ?=
# E2E_INGRESS is the class of an Ingress controller of the cluster and where it answers: nginx=ingress.example:80. Empty: none is tried.
E2E_INGRESS ?=

.PHONY: e2e
e2e: build image $(HELM) ## Run the cluster tests on the cluster that KUBECONFIG names
	@cd test/cluster && CGO_ENABLED=0 GOOS=linux go build -trimpath -buildvcs=false -o ../../bin/actor ./actor
	@cd image && go run . -name wafer-actor:dev -o ../dist/actor.tar ../bin/actor
	@cd test/cluster && WAFER_TEST_CLUSTER=1 WAFER_TEST_LOAD='$(E2E_LOAD)' WAFER_TEST_KILL='$(E2E_KILL)' WAFER_TEST_INGRESS='$(E2E_INGRESS)' go test -count=1 -timeout 90m -v -run TestCluster .

.PHONY: agreement
agreement: need-parsers ## Compare what PHP, Python, Node, Ruby, Perl and Go read with what rules are shown
	WAFER_TEST_AGREEMENT=$(AGREEMENT) go test -count=1 -timeout 2h -v ./test/agreement

# ORDINARY is how many ordinary requests are made, EXAMPLES a file for those that are refused, with what
# the rules matched.
ORDINARY ?= 20000
EXAMPLES ?=

.PHONY: ordinary
ordinary: ## Print which share of ordinary requests and of attacks the default policy refuses, by rule
	WAFER_TEST_ORDINARY=$(ORDINARY) WAFER_TEST_SHARE=$(abspath $(EXAMPLES)) go test -count=1 -v -run 'TestShare|TestAttacks' ./test/ordinary

.PHONY: soak
soak: need-gcc ## Run the tests with hostile clients and faults, mixed traffic for SOAKTIME
	WAFER_TEST_FAULTS_REQUESTS=100000 WAFER_TEST_FAULTS_SECONDS=30 go test -count=1 -v -run '^TestIdleConnectionsClose$$|AtAPace$$' ./test/faults
	WAFER_TEST_SOAK=$(SOAKTIME) WAFER_TEST_SOAK_PACE=$(SOAKPACE) CGO_ENABLED=1 go test -race -count=1 -timeout 24h -v ./test/soak

.PHONY: check
check: check-format check-modules check-vet check-lint ## Verify format, modules, vet and linters

.PHONY: check-format
check-format:
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not in gofmt's format ('make fix' repairs it):"; echo "$$unformatted"; exit 1; fi

.PHONY: check-modules
check-modules:
	@for m in $(MODULES); do \
		echo "== go mod tidy -diff, go mod verify ($$m)"; \
		(cd "$$m" && go mod tidy -diff && go mod verify); \
	done

.PHONY: check-vet
check-vet:
	@for m in $(CODE); do \
		echo "== go vet ($$m)"; \
		(cd "$$m" && go vet ./...); \
	done

.PHONY: check-lint
check-lint: $(GOLANGCI) $(HELM)
	@for m in $(CODE); do \
		echo "== golangci-lint ($$m)"; \
		(cd "$$m" && "$(CURDIR)/$(GOLANGCI)" run --config "$(CURDIR)/.golangci.yml" ./...); \
	done
	@echo "== helm lint (charts/wafer)"
	@$(HELM) lint --strict --quiet charts/wafer

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@found=0; \
	for m in $(CODE); do \
		packages=$$(cd "$$m" && go list ./...); \
		for p in $$packages; do \
			listed=$$(cd "$$m" && go test -list '^Fuzz' "$$p"); \
			for f in $$(grep '^Fuzz' <<<"$$listed" || true); do \
				echo "== $$p $$f"; \
				(cd "$$m" && go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) "$$p"); \
				found=$$((found + 1)); \
			done; \
		done; \
	done; \
	if [ "$$found" = 0 ]; then echo "no fuzz target found"; exit 1; fi

.PHONY: fix
fix: $(GOLANGCI) ## Repair what "check" would refuse, as far as a program can
	gofmt -w .
	@for m in $(MODULES); do echo "== go mod tidy ($$m)"; (cd "$$m" && go mod tidy); done
	@for m in $(CODE); do \
		echo "== golangci-lint run --fix ($$m)"; \
		(cd "$$m" && "$(CURDIR)/$(GOLANGCI)" run --fix --config "$(CURDIR)/.golangci.yml" ./...); \
	done

##@ Measure

.PHONY: bench
bench: ## Measure Wafer next to plain proxies, record figures and docs/performance.md (17 minutes)
	BENCH_SECONDS=$(BENCH_SECONDS) BENCH_REPETITIONS=$(BENCH_REPETITIONS) bench/run.sh

.PHONY: bench-secure
bench-secure: ## Measure what TLS, HTTP/2 and gRPC cost next to nginx, and record that (seven minutes)
	BENCH_SECONDS=$(BENCH_SECONDS) BENCH_REPETITIONS=$(BENCH_REPETITIONS) bench/run.sh secure

.PHONY: bench-peers
bench-peers: ## Measure Wafer next to other firewalls with the same rules, and record that (25 minutes)
	BENCH_SECONDS=$(BENCH_SECONDS) BENCH_REPETITIONS=$(BENCH_REPETITIONS) bench/run.sh peers

.PHONY: bench-told
bench-told: build ## Print what it costs to tell of a clean request: metrics, events, records (three minutes)
	@mkdir -p bin/bench
	cd bench && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../bin/bench/bench .
	taskset -c 1 bin/bench/bench told -seconds $(or $(BENCH_SECONDS),1) bin/wafer

.PHONY: capacity
capacity: build ## Measure what a pod needs and does, record it and docs/capacity.md (90 seconds)
	@mkdir -p bin/bench bench/results/capacity
	cd bench && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../bin/bench/bench .
	taskset -c 1 bin/bench/bench capacity -wafer bin/wafer -out bench/results/capacity -seconds $(or $(BENCH_SECONDS),2) -doc docs/capacity.md

.PHONY: bench-compare
bench-compare: $(BENCHSTAT) ## Run the Go benchmarks and compare them with the recorded ones
	BENCH='$(BENCH)' BENCHCOUNT=$(BENCHCOUNT) bench/compare.sh $(BENCHSTAT)

##@ Tidy up

.PHONY: clean
clean: ## Remove everything that was built, tools included
	rm -rf bin dist

# The tools are pinned in tools/go.mod, tools/helm/go.mod and tools/prometheus/go.mod and built once for each change of these.
bin/tools/golangci-lint bin/tools/benchstat: tools/go.mod tools/go.sum
	$(build-tool)

bin/tools/helm: tools/helm/go.mod tools/helm/go.sum
	$(build-tool)

# Without what discovers targets in clouds, which is most of it.
bin/tools/prometheus: TOOLFLAGS := -tags remove_all_sd
bin/tools/prometheus: tools/prometheus/go.mod tools/prometheus/go.sum
	$(build-tool)

define build-tool
	@echo "== building $@ (once)"
	@mkdir -p bin/tools
	@cd $(<D) && CGO_ENABLED=0 go build $(TOOLFLAGS) -trimpath -buildvcs=false -o "$(CURDIR)/$@" "$$(go list -f '{{.ImportPath}}' tool | grep '/$(@F)$$')"
	@touch $@
endef

# What judges the page for people who do not see it, or do not use a mouse: a package of npm, pinned in tools/axe.
bin/tools/axe.min.js: tools/axe/package.json tools/axe/package-lock.json | need-npm
	@echo "== fetching $@ (once)"
	@mkdir -p bin/tools/axe
	@cp tools/axe/package.json tools/axe/package-lock.json bin/tools/axe
	@cd bin/tools/axe && npm ci --silent --ignore-scripts --no-audit --no-fund
	@cp bin/tools/axe/node_modules/axe-core/axe.min.js $@

.PHONY: need-npm
need-npm:
	@if ! command -v npm >/dev/null; then \
		echo "== installing npm"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm; \
	fi

# The race detector needs a C compiler. Where there is none, it comes from Debian.
.PHONY: need-gcc
need-gcc:
	@if ! command -v gcc >/dev/null; then \
		echo "== installing gcc"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev; \
	fi

# What the documents' commands use.
.PHONY: need-curl
need-curl:
	@if ! command -v curl >/dev/null || ! command -v jq >/dev/null; then \
		echo "== installing curl, jq"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends curl jq; \
	fi

# What replicas share is kept in it.
.PHONY: need-redis
need-redis:
	@if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then \
		echo "== installing redis-server"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server; \
	fi

# The server that gets events as messages of syslog.
.PHONY: need-rsyslog
need-rsyslog:
	@if ! dpkg -s rsyslog rsyslog-gnutls >/dev/null 2>&1; then \
		echo "== installing rsyslog"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rsyslog rsyslog-gnutls; \
	fi

# The browser that is asked to prove itself.
.PHONY: need-chromium
need-chromium:
	@if ! command -v chromium >/dev/null; then \
		echo "== installing chromium"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	fi

# The parsers of the agreement suite, and the packages that most applications read requests with.
PARSERS := php-cgi php-xml python3 python3-django python3-werkzeug nodejs node-busboy node-cookie node-qs \
	perl libcgi-pm-perl ruby ruby-rack

.PHONY: need-parsers
need-parsers:
	@if ! dpkg -s $(PARSERS) >/dev/null 2>&1; then \
		echo "== installing $(PARSERS)"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PARSERS); \
	fi
