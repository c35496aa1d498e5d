# Needs Go 1.26, git and make. `make race` also needs a C compiler; `make lint` builds its linter.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

export CGO_ENABLED := 0
# What is built here is stripped: no debug information is made that would only be thrown away.
export GOFLAGS := -trimpath -buildvcs=false -gcflags=all=-dwarf=false
export GOTOOLCHAIN := local

# Thousands of packages are compiled, each by a process of its own, as many side by side as there
# are processors. With a thread each and no garbage collected below 1 GiB they take a sixth less.
BUILD := GOGC=off GOMEMLIMIT=1GiB GOMAXPROCS=1 go build -p $$(getconf _NPROCESSORS_ONLN)

BIN := $(CURDIR)/bin
K8S := v1.35.4
STAMP := k8s.io/component-base/version
# policy-controller refuses an API server that does not say its version; it is stamped at link time.
STAMPS := -X $(STAMP).gitVersion=$(K8S) -X $(STAMP).gitMajor=1 -X $(STAMP).gitMinor=35 -X $(STAMP).gitTreeState=clean
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FREEZE := github.com/charmbracelet/freeze@v0.2.2

.PHONY: build signgate cluster policy-controller chart demo test test-fast race lint bench crash faults acceptance tools shots docs exports clean help

help: ## say what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

build: signgate cluster policy-controller chart ## all binaries, in bin/

signgate:
	@[ -x $(BIN)/signgate ] || echo "building signgate: about 6 CPU-minutes the first time, of 20 for all three programs"
	@$(BUILD) -ldflags "-s -w" -o $(BIN)/signgate ./cmd/signgate

cluster:
	@[ -x $(BIN)/signgate-cluster ] || echo "building signgate-cluster: a Kubernetes control plane, about 10 CPU-minutes the first time"
	@cd sandbox/cluster && $(BUILD) -ldflags "-s -w $(STAMPS)" -o $(BIN)/signgate-cluster .

policy-controller:
	@[ -x $(BIN)/policy-controller ] || echo "building policy-controller, unmodified: about 3 CPU-minutes the first time"
	@cd sandbox/cluster && $(BUILD) -ldflags "-s -w" -o $(BIN)/policy-controller github.com/sigstore/policy-controller/cmd/webhook

chart: policy-controller
	@go run ./sandbox/chart/assemble -binary $(BIN)/policy-controller -out $(BIN)/policy-controller-chart.tgz \
		-module "$$(cd sandbox/cluster && go list -m -f '{{.Dir}}' github.com/sigstore/policy-controller)"

demo: build ## from an empty project to the proof, in the sandbox
	@if [ -t 0 ] && [ -t 1 ]; then $(BIN)/signgate --sandbox; else $(BIN)/signgate apply --yes --sandbox; fi

# The random cases of these two are the same each time, so that what fails is the change's doing.
# `make test-fast` draws others, and so does RAPID_SEED=0.
test race: export RAPID_SEED ?= 1

test: build ## every test, end to end ones included
	@go run ./internal/testreport -expect .ci/skips -- ./... -- sandbox/cluster ./...

test-fast: ## the inner loop: what needs no cluster
	@go test -short ./...

race: ## the race detector over what of the main module runs in process, which the matrix of whole programs does not
	@CGO_ENABLED=1 go test -race -timeout 2h -skip '^TestSamples$$' ./internal/... ./state/... ./steps/... ./sandbox/... ./tui/...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "gofmt: the files above"; exit 1; }
	@go run $(GOLANGCI) run ./...
	@cd sandbox/cluster && go vet ./...
	@go mod tidy -diff && go mod verify >/dev/null && cd sandbox/cluster && go mod tidy -diff

bench: build ## figures, each beside what it is compared with
	@go run ./internal/bench -bin $(BIN)

crash: build ## kill signgate before and after every call that changes anything (ONLY=text, JOBS=n, SAMPLE=n SEED=n)
	@go run ./internal/matrix/crash -bin $(BIN) -only "$(ONLY)" -jobs $(or $(JOBS),2) -sample $(or $(SAMPLE),0) -seed $(or $(SEED),1)

faults: build ## have every call fail in every way (ONLY=kind, CALL=text, JOBS=n)
	@go run ./internal/matrix/faults -bin $(BIN) -only "$(ONLY)" -call "$(CALL)" -jobs $(or $(JOBS),2)

acceptance: build ## the whole flow on a real project and away again: PROJECT=id [REGION=…]; SANDBOX=1: on the sandbox's
	@[ -n "$(PROJECT)" ] || { echo "acceptance: which project? make acceptance PROJECT=id makes a cluster in it for some minutes, proves that it works, and takes it away"; exit 2; }
	@go test -tags acceptance -count 1 -timeout 4h -v -run '^TestAcceptance$$' ./cmd/signgate -args -project "$(PROJECT)" $(if $(REGION),-region "$(REGION)") $(if $(SANDBOX),-in-sandbox)

tools: ## the programs of others that tests and bench compare with
	@go run ./internal/tools/build

exports: build ## the exported script for every shape of a cluster, run with gcloud, cosign, helm and kubectl
	@SIGNGATE_EXPORTS=1 go test ./cmd/signgate -run TestExportedScript -timeout 2h

docs: ## the pages and schemas in docs/ that follow from the code
	@go run ./internal/docs

shots: build ## the README's pictures, from the real program
	@[ -x .cache/tools/freeze ] || GOBIN=$(CURDIR)/.cache/tools go install $(FREEZE)
	@cd docs/shots && go run . -bin $(BIN) -freeze $(CURDIR)/.cache/tools/freeze -out ../pictures

clean: ## remove what was built here (the sandbox's state is elsewhere: signgate sandbox reset)
	rm -rf bin .cache
