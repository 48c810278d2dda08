# What can be done here. `make test` is everything that a change has to pass.

CARGO ?= cargo

.PHONY: help demo test lint fmt doc unit components docs rules chart-readme dashboards dashboards-preview status-pictures bench soak soak-short kill fuzz fuzz-check mutants coverage test-deploy release-artifacts supply-chain

help: ## Show what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show the exporter at work on a simulated Losant
	$(CARGO) run --release --locked -- demo

test: components lint unit ## Install what is missing, then run every check and test

lint: fmt ## Formatting, clippy and documentation, without warnings
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items

fmt: ## Check the formatting
	$(CARGO) fmt --check

unit: ## All tests, those with a real Prometheus included where one is installed
	$(CARGO) test --locked

supply-chain: ## Check what the binary is made of: licences, origins, bans, duplicates, what nothing uses, known vulnerabilities
	scripts/supply-chain

kill: ## Kill the process fifty times, and cut it off from names and network for ten minutes, beside what `make test` has of it
	$(CARGO) test --locked --test it -- --include-ignored --nocapture hostile::

release-artifacts: ## Build what a release consists of into dist/: binary, package, image, chart, SBOM, checksums
	scripts/deploy-components
	scripts/image-components
	scripts/release-artifacts

test-deploy: ## Check all of deploy/: Kubernetes, Helm, image, packages
	scripts/test-deploy

components: ## Install the programs that tests use, where that is possible; name what is missing
	scripts/components

docs: ## Write the generated documentation anew
	LOSANT_EXPORTER_WRITE_DOCS=1 $(CARGO) test --locked --test it -- documentation

rules: ## Write the rules and runbooks of the three levels anew from their templates
	LOSANT_EXPORTER_WRITE_DOCS=1 $(CARGO) test --locked --test it -- rules::the_rule_files rules::contract::runbooks_of
	scripts/kubernetes-rules

chart-readme: ## Write the table of values in the chart's README anew
	scripts/deploy-components
	scripts/chart-readme

dashboards: ## Write the dashboards of Grafana anew from grafana/src
	cd grafana && npm ci --silent --no-audit --no-fund && npm run --silent build

dashboards-preview: ## Draw pictures of the dashboards into docs/images
	scripts/dashboards-preview

status-pictures: ## Take pictures of the status page into target/pictures; docs/images/status.png is one of them
	mkdir -p target/pictures
	LOSANT_EXPORTER_PICTURES=$(CURDIR)/target/pictures $(CARGO) test --locked --test it -- --ignored --exact status::browser::pictures_of_a_demo

soak: ## Half an hour of everything going wrong around the real program; SOAK_SEED draws another one
	$(CARGO) bench --locked --bench soak -- long

soak-short: ## The same for three minutes, as continuous integration runs it
	$(CARGO) bench --locked --bench soak -- short

bench: ## Measure what docs/performance.md and docs/detection.md tell of, in about two hours
	scripts/bench-components
	$(CARGO) bench --locked --bench engine
	$(CARGO) bench --locked --bench detection
	$(CARGO) bench --locked --bench work
	scripts/instructions
	$(CARGO) bench --locked --bench scrape
	$(CARGO) test --locked --test it -- --ignored --nocapture a_thousand_orgs

fuzz: ## Run every fuzz target for FUZZ_SECONDS (600) on what comes in from outside; wants cargo-fuzz
	scripts/fuzz

fuzz-check: ## Run the seeds of all fuzz targets through their checks, and lint these; wants a C++ compiler
	cd fuzz && $(CARGO) fmt --check
	cd fuzz && $(CARGO) clippy --locked --all-targets -- -D warnings
	cd fuzz && $(CARGO) test --locked

mutants: ## Change usage, store, polling and metrics in small ways, and name the changes that no test notices, in some hours
	scripts/mutants

coverage: ## Tell which lines of src the tests run through
	scripts/coverage --lib --test it
