# Everything by name: `make help`. Each target installs what it needs itself.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
# Each worker has files of tests of its own, in the order in which they are collected. As many workers as there are cores; one
# more where tests mostly wait for an API server.
PYTEST := $(VENV)/bin/pytest -q --dist loadfile --no-loadscope-reorder
export PYTHONPATH := operator:hack

# A cluster is used instead of the throw-away one only where it is named on the command line: make demo KUBECONFIG=…
ifeq ($(origin KUBECONFIG),command line)
export CRONTASK_KUBECONFIG := $(abspath $(KUBECONFIG))
endif
# What a throw-away cluster is made of.
CLUSTER := $(if $(CRONTASK_KUBECONFIG),,packages binaries image)
# Makes what is missing of the parts that it is given, side by side; says first how long that takes.
PREPARE := python3 hack/prepare.py python
# The operator's image on such a cluster.
ifdef IMAGE
export CRONTASK_IMAGE := $(IMAGE)
endif

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

$(VENV)/installed: requirements/dev.lock
	@$(PREPARE)

.PHONY: demo
demo: ## Bring up a cluster, install crontask, show runs as they happen (KUBECONFIG=file: that cluster)
	@$(PREPARE) $(CLUSTER)
	$(PY) hack/demo.py

.PHONY: test
test: prepared lint types unit integration e2e ## Everything: lint, types, unit, integration, end to end

.PHONY: prepared
prepared:
	@$(PREPARE) binaries shells prometheus browser $(CLUSTER)

.PHONY: lint
lint: $(VENV)/installed ## ruff and import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

.PHONY: types
types: $(VENV)/installed ## mypy, strict
	$(VENV)/bin/mypy

.PHONY: unit
unit: $(VENV)/installed ## Pure tests, and the engine on virtual time
	$(PYTEST) -n auto tests/unit

.PHONY: fuzz
fuzz: $(VENV)/installed ## The oracles with random seeds, again and again until one differs (Ctrl-C to end)
	while $(VENV)/bin/pytest -q tests/unit/timetable tests/unit/simulation --hypothesis-seed=$$RANDOM; do :; done

.PHONY: integration
integration: ## A real API server (KUBEBUILDER_ASSETS, or built once), and a real browser
	@$(PREPARE) binaries shells prometheus browser
	$(PYTEST) -n $$(($$(nproc) + 1)) tests/cluster tests/integration

.PHONY: e2e
e2e: ## Real pods on a throw-away cluster (KUBECONFIG=file: that cluster), which is taken down after
	@$(PREPARE) $(CLUSTER) browser
	$(PY) hack/e2e.py

.PHONY: chaos
chaos: $(VENV)/installed ## The simulator with 10,000 fresh seeds (SEED=7: that one, with its trace)
	PYTHONPATH=operator:tests/support:hack $(PY) hack/worlds.py $(if $(SEED),--seed $(SEED) --trace)

.PHONY: soak
soak: ## Faults again and again on a throw-away cluster, measured failovers, 10,000 worlds (an hour and more)
	@$(PREPARE) $(CLUSTER)
	$(PY) hack/soak.py
	$(MAKE) chaos

.PHONY: cluster-up
cluster-up: ## Bring up the throw-away cluster
	@$(PREPARE) packages binaries
	$(PY) -m cluster up

.PHONY: cluster-down
cluster-down: $(VENV)/installed ## Take it down, and leave the machine as it was
	$(PY) -m cluster down

.PHONY: image
image: $(VENV)/installed ## Build the operator's image and load it into the throw-away cluster
	$(PY) -m cluster image --tag crontask/operator:dev

.PHONY: bench
bench: ## Measure cost, lag, ends, sustained load, removal, cold start, idle cost and the page, beside CronJob (takes hours)
	@$(PREPARE) binaries browser
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks cost
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks lag
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks end
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks sustained
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks steps
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks fan-out
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks beside
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks requests
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks prune
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks start
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks idle
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks writes
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks growth
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks scrape
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks page
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks open-pages
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks runner
	PYTHONPATH=operator:hack:. $(PY) -m benchmarks batches

.PHONY: screenshots
screenshots: ## Take the pictures of the page in docs/ anew, in a real browser
	@$(PREPARE) binaries browser
	PYTHONPATH=operator:hack:tests/support:. $(PY) hack/screenshots.py

.PHONY: docs
docs: $(VENV)/installed ## Build the site of the documentation, into build/docs/html
	$(PY) -m docsite

.PHONY: generate
generate: $(VENV)/installed ## Write the CRDs anew from the models, and the version wherever it is repeated
	$(PY) -m crontask.api.crd
	$(PY) hack/versions.py

.PHONY: format
format: $(VENV)/installed ## Format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

.PHONY: packages
packages: $(VENV)/installed ## Build what users install, into dist/: wheel, sdist, zipapp, krew's manifest (URL=where its archive will lie)
	$(PY) hack/distribution.py --to dist $(if $(URL),--url $(URL))

.PHONY: release
release: ## Build all that is published of a commit, into dist/release: packages, charts, image, SBOMs, checksums (URL=…)
	@$(PREPARE)
	$(PY) hack/release.py --to dist/release $(if $(URL),--url $(URL))

.PHONY: lowest
lowest: $(VENV)/installed ## The tests of client, SDK and command line with the oldest dependencies that pyproject.toml takes
	$(PY) hack/lowest.py

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml

.PHONY: lock
lock: ## Resolve the dependencies anew (needs uv)
	$(COMPILE) -o requirements/client.lock
	$(COMPILE) --extra operator --extra page -o requirements/operator.lock
	$(COMPILE) --all-extras --group dev -o requirements/dev.lock
