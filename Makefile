# Everything a person does with this checkout. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
# Tests of daemons mostly wait: half as many workers again as there are cores keep those busy.
TEST_WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-train test-homeassistant test-scale test-systemd test-hosts test-dist test-browser check format lint types \
	layers bench bench-index eval-finder evaluate evaluate-photos soak bench-fleet demo-assets train clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.run: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo && touch $@

$(VENV)/.dev: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo,tools,dev && touch $@ $(VENV)/.run

$(VENV)/.train: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo,tools,dev,train && touch $@ $(VENV)/.dev $(VENV)/.run

$(VENV)/.dist: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo,tools,dev,dist && touch $@ $(VENV)/.dev $(VENV)/.run

$(VENV)/.browser: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo,tools,dev,browser && touch $@ $(VENV)/.dev $(VENV)/.run

$(VENV)/.fleet: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo,tools,dev,dist,fleet && touch $@ $(VENV)/.dev $(VENV)/.dist $(VENV)/.run

$(VENV)/.ray: pyproject.toml tools/setup.sh
	@PYTHON=$(PYTHON) tools/setup.sh demo,tools,dev,ray && touch $@ $(VENV)/.dev $(VENV)/.run

run: $(VENV)/.run ## Play the demo: real daemon, filmed cards, a broker, a subscriber (four minutes)
	@$(BIN)/cardscanner demo

test: $(VENV)/.dev ## Install what the tests need and run them
	@tools/system_packages.sh mosquitto openssl tesseract-ocr-eng gcc libc6-dev
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist worksteal -m "not slow and not train and not homeassistant and not scale and not browser and not systemd and not hosts and not dist"

test-slow: $(VENV)/.dev ## Run the slow tests
	@tools/system_packages.sh mosquitto openssl
	@$(BIN)/python -m pytest -m slow --timeout 1200

test-train: $(VENV)/.train ## Run the tests that need torch
	@$(BIN)/python -m pytest -m train --timeout 1200

$(VENV)-homeassistant/.ready: tools/homeassistant.sh
	@tools/homeassistant.sh $(VENV)-homeassistant

test-homeassistant: $(VENV)/.dev $(VENV)-homeassistant/.ready ## Run the tests against a real Home Assistant (wants Python 3.13)
	@tools/system_packages.sh mosquitto
	@$(BIN)/python -m pytest -m homeassistant

test-browser: $(VENV)/.browser ## Look at the page in Chromium (screenshots: out/screenshots)
	@tools/system_packages.sh chromium
	@$(BIN)/python -m pytest -m browser

test-scale: $(VENV)/.ray ## Run the tests that need Ray (QDRANT_URL=address: and those of a Qdrant server)
	@QDRANT_URL="$(QDRANT_URL)" $(BIN)/python -m pytest -m scale --timeout 1200

test-systemd: $(VENV)/.dev ## Hold the units to their promises on systemd 252 and 257, and boot one (needs root; ten minutes and more)
	@tools/system_packages.sh debootstrap qemu-system-x86 e2fsprogs
	@$(BIN)/python -m pytest -m systemd -s tests/systemd

test-hosts: $(VENV)/.fleet ## Provision booted Debian hosts with Ansible, update them, break one (needs root)
	@tools/system_packages.sh debootstrap iproute2 openssh-client util-linux mosquitto openssl dpkg-dev binutils
	@$(BIN)/python -m pytest -m hosts

test-dist: $(VENV)/.dist ## Make wheelhouses for every target and import them on an emulated processor
	@tools/system_packages.sh debootstrap g++-aarch64-linux-gnu dpkg-dev qemu-user-static
	@$(BIN)/python -m pytest -m dist

check: lint types layers test ## Format, lint, types, import layers, tests

format: $(VENV)/.dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

layers: $(VENV)/.dev
	@$(BIN)/lint-imports

bench: $(VENV)/.dev ## Time the road stage by stage, and the daemon's memory with 17,592 cards
	@$(BIN)/python -m cardscanner_tools.bench

bench-index: $(VENV)/.dev ## Recall, speed, size and memory of every index (ARGS="--rows 1000000 --backends ivf,int8")
	@$(BIN)/python -m cardscanner_tools.bench_index $(ARGS)

bench-fleet: $(VENV)/.dev ## A thousand simulated boxes on one Mosquitto, watched by `cardscanner fleet` (ARGS="--boxes 200")
	@tools/system_packages.sh mosquitto
	@$(BIN)/python -m cardscanner_tools.bench_fleet $(ARGS)

soak: $(VENV)/.dev ## Trouble the real scanner for 20 minutes: does it grow, does it lose anything? (ARGS="--minutes 4320")
	@tools/system_packages.sh mosquitto
	@$(BIN)/python -m cardscanner_tools.soak $(ARGS)

eval-finder: $(VENV)/.dev ## Score finding and corners on labelled photos (DATA=folder)
	@$(BIN)/cardscanner-tools eval-finder --data $(DATA) --finder corners \
		--model models/$$(cat models/DEFAULT_FINDER) --min-confidence 0.3 --out out/eval-finder

evaluate: $(VENV)/.dev ## Every acceptance criterion of the shipped model, as a report (DATA=folder; most of an hour)
	@$(BIN)/cardscanner-tools evaluate --suite catalogue --suite photos --suite noncards --suite reprints \
		--data $(DATA) --out out/evaluate

evaluate-photos: $(VENV)/.dev ## Score recognition on labelled photos (DATA=folder)
	@$(BIN)/cardscanner-tools evaluate-photos --data $(DATA) --out out/evaluate-photos

keys/release.key:
	@$(BIN)/cardscanner-tools release-key --out keys --no-password

dist: $(VENV)/.dist keys/release.key ## Make what a box installs, signed (ARGS="--machine x86_64"; a key is made in keys/ the first time)
	@tools/system_packages.sh debootstrap g++-aarch64-linux-gnu dpkg-dev
	@$(BIN)/cardscanner-tools dist --key keys/release.key $(ARGS)

demo-assets: $(VENV)/.dev ## Draw the demo's cards, database and film again (needs ffmpeg)
	@$(BIN)/cardscanner-tools render-demo

train: $(VENV)/.train ## Train the first model again (FRONT=checkpoint FACES=, ART=folders; see models/cardnet/*/MODEL_CARD.md)
	@$(BIN)/cardscanner-tools train --out out/train --front $(FRONT) \
		$(if $(FACES),--free-faces $(FACES)) $(if $(ART),--free-art $(ART))

clean: ## Remove the virtual environment and all output
	@rm -rf $(VENV) $(VENV)-homeassistant out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
