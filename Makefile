# Everything a person needs: `make demo`, `make test`. The rest is for those who change the code.
# PYTHON chooses the interpreter (3.11–3.13); everything is installed under .venv and nowhere else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# durable-rules comes as source and is built without optimisation unless told; the define lets it build on 3.13 (docs/adr/0002).
BUILD_DURABLE := CC="gcc -O2 -DPyEval_CallObject=PyObject_CallObject"

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long lives drills reference bench check format lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/run.stamp: requirements-build.lock requirements.lock pyproject.toml
	@.ci/system-packages $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "正在安装运行所需的组件（首次约一两分钟）……"
	@$(PIP) --require-hashes -r requirements-build.lock
	@$(BUILD_DURABLE) $(PIP) --require-hashes --no-build-isolation --no-binary durable-rules -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock .ci/test-servers $(VENV)/run.stamp
	@.ci/test-servers
	@echo "正在安装测试所需的组件……"
	@$(BUILD_DURABLE) $(PIP) --require-hashes --no-build-isolation --no-binary durable-rules -r requirements-dev.lock
	@touch $@

setup: $(VENV)/dev.stamp ## Install everything for running and testing into .venv

demo: $(VENV)/run.stamp ## Show the main job on twenty sample mails (ONCE=1 ends by itself)
	@$(BIN)/zuozhen demo $(if $(ONCE),--once)

test: $(VENV)/dev.stamp ## Run the tests
	@$(BIN)/python -m pytest -n 2 -m "not long" $(ARGS)

test-long: $(VENV)/dev.stamp ## Run the tests that take minutes
	@$(BIN)/python -m pytest -n 2 -m long $(ARGS)

lives: $(VENV)/dev.stamp ## Play whole lives of cases by mail, and print every mail
	@$(BIN)/python -m pytest -q -n 0 -s -p no:randomly tests/e2e/test_lives.py $(ARGS)

drills: $(VENV)/dev.stamp ## Drill three districts over their months; write what was produced to OUT, the tables to docs/对照.md
	@rm -rf .cache/drills && $(BIN)/python -m tests.drills $(or $(OUT),.cache/drills) docs/对照.md

reference: $(VENV)/dev.stamp ## Write the reference page of the rule language again
	@$(BIN)/python -c "from rules.schema import reference_page; print(reference_page(), end='')" > docs/reference/规则语言.md

bench: $(VENV)/dev.stamp ## Run the benchmarks (table in docs/benchmarks.md)
	@$(BIN)/python bench/run.py $(ARGS)

check: $(VENV)/dev.stamp ## Format, lint, types, floors: the gates
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff --quiet .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy && $(BIN)/mypy bench
	@PYTHONPATH=. $(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Format the code and mend what the linter can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: ## Resolve the lock files again (needs uv)
	@echo "editables hatchling==1.32.0 setuptools" | tr ' ' '\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o requirements-build.lock
	@uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o requirements.lock
	@uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o requirements-dev.lock

clean: ## Remove what was installed and cached
	@rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
