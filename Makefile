# What can be done here, by name: `make help` lists it. Each target first sets up what it needs.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
SOME := engine
STORED := $(SOME) accounts apis cadence contract timers webhooks

# Compiled modules are kept, for tests start hundreds of processes that read them.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test postgresql check bench docs kill

help: ## list these
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(READY) ## set up, then serve with a local mailbox to play with
	$(BIN)/franking demo

# Three at a time, each file's tests together: most of their time they wait. Those that go through a
# store do so on SQLite, some of them on PostgreSQL too.
test: check $(TOOLS) ## everything in check, then all tests
	$(BIN)/pytest -n 3 --dist loadfile --ignore tests/test_house.py
	TESTS_DATABASE=postgresql $(BIN)/pytest -n 3 --dist loadfile $(addprefix tests/,$(SOME))

postgresql: $(READY) $(TOOLS) ## all tests that go through a store, on PostgreSQL
	TESTS_DATABASE=postgresql $(BIN)/pytest -n 3 --dist loadfile $(addprefix tests/,$(STORED))

check: $(READY) ## format, lint, types and the rules of the house
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest tests/test_house.py

bench: $(READY) $(TOOLS) ## see that all benches run, measure, and print the ratios
	TESTS_BENCHES=all $(BIN)/pytest tests/test_bench.py
	$(BIN)/franking bench

docs: $(READY) $(TOOLS) ## draw docs/machines.md from the tables, and take the console's pictures
	$(BIN)/python docs/draw.py
	$(BIN)/python docs/pictures.py

kill: $(READY) $(TOOLS) ## all of the tests that kill processes, not only the sample
	FRANKING_KILLS=all $(BIN)/pytest -m kill

$(READY): pyproject.toml constraints.txt .ci/setup hatch_build.py $(wildcard build_hooks/*.*) \
		src/franking/apis/rpc/data_api.proto
	@.ci/setup $(VENV)
	@touch $@

# What some tests call, as smtp-sink and ruby: they skip without, so a failure is told
# and not repeated.
$(TOOLS): | $(READY)
	@.ci/tools
	@touch $@
