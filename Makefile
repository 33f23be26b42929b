# Tandem's tasks. `make demo` and `make test` need nothing but Go and make on
# Debian: they install what is missing when run as root, and otherwise print
# the one line to run.

GOLANGCI_LINT_VERSION := v2.15.0
GOFUMPT_VERSION       := v0.12.0

# What cgo needs, and the SIP programs of other people that the tests call.
BUILD_PACKAGES := gcc libc6-dev pkg-config libopus-dev libvpx-dev libopenh264-dev libyuv-dev
TEST_PACKAGES  := sip-tester baresip-core baresip-ffmpeg linphone-cli chromium ffmpeg postgresql
# The programs that `make bench` compares with, and what its load generator needs.
BENCH_PACKAGES := rtpengine-daemon kamailio sip-tester libsrtp2-dev libssl-dev
BENCH_VIDEO    := ffmpeg gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav

FUZZTIME  ?= 5s
BENCH     ?=
BENCHTIME ?= 1s
FIGURES   ?= .
ROUNDS    ?= 5

BIN     := $(CURDIR)/bin
LINT    := $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOFUMPT := $(BIN)/gofumpt-$(GOFUMPT_VERSION)

# Without a usable git checkout (an archive, another owner) the version is left out.
BUILDVCS := $(shell git rev-parse --git-dir >/dev/null 2>&1 && echo auto || echo false)

.PHONY: build deps test-deps demo test soak lint fmt rules fuzz deb bench bench-video bench-programs web web-check web-deps web-test web-bench web-docs clean help

build: deps ## build ./tandem
	go build -trimpath -buildvcs=$(BUILDVCS) -o tandem ./cmd/tandem

deps: ## install the C compiler and libraries that are missing
	@.ci/packages $(BUILD_PACKAGES)

test-deps: deps
	@.ci/packages $(TEST_PACKAGES)

VERSION := $(shell git describe --tags --always 2>/dev/null || echo dev)

deb: deps ## make dist/tandem_VERSION_ARCHITECTURE.deb
	go build -trimpath -buildvcs=$(BUILDVCS) -ldflags '-X tandem.Version=$(VERSION)' -o dist/tandem ./cmd/tandem
	packaging/deb/build dist/tandem dist '$(VERSION)'

demo: build ## place real calls through the gateway, with everything simulated
	./tandem demo

# Packages whose tests run in real time: one after the other, so that they do
# not take each other's processor.
REALTIME := ./e2e ./e2e/hostile ./leg/meet ./media/bridge ./media/transport ./sim/gvoice ./sim/meet

test: test-deps ## run every test with the race detector
	go test -race -tags peers -timeout 15m $$(go list ./... | grep -vxF "$$(go list $(REALTIME))")
	go test -race -tags peers -timeout 15m -p 1 $(REALTIME)

soak: test-deps ## garbage and floods at full size (TANDEM_HOSTILE messages of each kind, 20,000)
	TANDEM_HOSTILE=$${TANDEM_HOSTILE:-20000} go test -count=1 -timeout 60m -v ./e2e/hostile
	TANDEM_HOSTILE=1 go test -count=1 -tags peers -timeout 30m -v -run 'TheTopLayerComesBack|TheReceptionUnderstands|TwoRoomsSeeEachOther|ABrowser|AManagedConfiguration|ThreeMachines' ./e2e

lint: deps $(LINT) $(GOFUMPT) ## check style and likely mistakes
	@badly=$$(git ls-files -co --exclude-standard '*.go' | xargs -r $(GOFUMPT) -l); \
	if [ -n "$$badly" ]; then echo "not formatted with gofumpt (run: make fmt):"; echo "$$badly"; exit 1; fi
	$(LINT) run ./...

fmt: $(GOFUMPT) ## format the code
	git ls-files -co --exclude-standard '*.go' | xargs -r $(GOFUMPT) -w

rules: deps ## check which folder imports which
	go test -count=1 -run '^TestImports$$' .

fuzz: deps ## run every fuzz target for FUZZTIME (5s)
	@.ci/fuzz $(FUZZTIME)

ifeq ($(BENCH),)
bench: bench-programs ## measure FIGURES (P-1 to P-14) against other programs; with BENCH=. run the Go benchmarks
	bench/build/bench -figures '$(FIGURES)' -rounds $(ROUNDS)
else
bench: deps
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...
endif

bench-video: bench-programs ## measure video calls: P-6 to P-10, P-12, P-13; and P-6 in this process, part by part
	bench/build/bench -figures 'P-([689]|10)' -rounds $(ROUNDS)
	bench/build/video -rounds $(ROUNDS)
	go test -count=1 -run AllocatesLittle -v ./media/bridge

bench-programs: deps
	@.ci/packages $(BENCH_PACKAGES) $(BENCH_VIDEO)
	@mkdir -p bench/build
	gcc -O2 -Wall -o bench/build/rtpload bench/c/rtpload.c -lsrtp2 -lpthread
	gcc -O2 -Wall -o bench/build/floor bench/c/floor.c
	gcc -O2 -Wall -o bench/build/opus bench/c/opus.c -lopus
	gcc -O2 -Wall -o bench/build/floor-video bench/c/video.c -lvpx -lopenh264 -lyuv
	gcc -O2 -Wall -o bench/build/floor-dtls bench/c/dtls.c -lssl -lcrypto
	go build -buildvcs=$(BUILDVCS) -o bench/build/setup ./bench/setup
	go build -buildvcs=$(BUILDVCS) -o bench/build/simulcast ./bench/simulcast
	go build -buildvcs=$(BUILDVCS) -o bench/build/relay ./bench/relay
	go build -buildvcs=$(BUILDVCS) -o bench/build/b2bua ./bench/b2bua
	go build -buildvcs=$(BUILDVCS) -o bench/build/video ./bench/video
	go build -buildvcs=$(BUILDVCS) -o bench/build/meeting ./bench/meeting
	go build -buildvcs=$(BUILDVCS) -o bench/build/tandem ./cmd/tandem
	go build -buildvcs=$(BUILDVCS) -o bench/build/bench ./bench/cmd

web: ## build the administrator's pages (web/dist) from web/src; needs npm
	cd web && npm ci --no-progress && npm run build

web-check: ## build the pages and fail when web/dist is not what web/src makes
	@if ! command -v npm >/dev/null; then echo "npm is not installed, so the pages are not built again; web/dist is taken as it is."; exit 0; fi; \
	new=$$(mktemp -d) && trap 'rm -rf "$$new"' EXIT && cd web && npm ci --no-progress && npm run --silent check && \
	npx vite build --logLevel warn --emptyOutDir --outDir "$$new" && \
	{ diff -rq dist "$$new" || { echo "web/dist is not what web/src makes; run make web and commit the result."; exit 1; }; }

web-deps: ## install what the stories of the pages need: Chromium, Node 20 or newer, what package-lock.json names
	@.ci/packages chromium
	@.ci/node

web-test: build web-deps ## play the pages in Chromium: with this gateway, with a stand-in for it, and axe on every page
	@cd web && PATH="$(CURDIR)/bin/node:$$PATH" && TANDEM='$(CURDIR)/tandem' node e2e/real.mjs && node e2e/stories.mjs

web-bench: build web-deps ## measure the pages: size, time until they can be used, a thousand calls
	@cd web && PATH="$(CURDIR)/bin/node:$$PATH" && TANDEM='$(CURDIR)/tandem' node e2e/bench.mjs

web-docs: web-deps ## take the pictures of docs/11-web-pages.md again
	@cd web && PATH="$(CURDIR)/bin/node:$$PATH" && node e2e/screenshots.mjs

clean: ## remove what was built
	rm -rf tandem bin dist demo-out bench/build

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

$(LINT):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(BIN)/golangci-lint $@

$(GOFUMPT):
	@mkdir -p $(BIN)
	GOBIN=$(BIN) go install mvdan.cc/gofumpt@$(GOFUMPT_VERSION)
	@mv $(BIN)/gofumpt $@
