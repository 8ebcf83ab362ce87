# make run        Orthanc with the plugin, in the foreground; installs what is missing first
# make test       everything: format, lint, types, unit, integration and browser tests
# make docs       the README's tables of settings and routes
# make fuzz       the reader against made-up files: make fuzz TARGET=reader SECONDS=1800
# make benchmarks the tables of the README (quiet machine, minutes)
# make screenshots  the README's pictures, of phantoms
# make train      a new model from a manifest: see models/README.md

PYTHON = .venv/bin/python
export PYTHONPATH = plugin:models:tests
export PYTHONDONTWRITEBYTECODE = 1

.PHONY: run install test fuzz test-tools newer-orthanc lint lock docs screenshots benchmarks train-tools train evaluate export card memory-evaluation

# The tests' PYTHONPATH is not for Orthanc's Python.
run: install
	@exec env -u PYTHONPATH -u PYTHONDONTWRITEBYTECODE python3 orthanc-config/start.py

install:
	@sh orthanc-config/install.sh

test: test-tools newer-orthanc lint
	$(PYTHON) -m pytest tests

test-tools: install
	@sh tests/install.sh

# Orthanc 1.12 and 1.13. Where they cannot be had, their tests are skipped with the reason; in CI they fail.
newer-orthanc: test-tools
	@sh tests/newer_orthanc.sh

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

lock:
	$(PYTHON) -m pip install -q uv
	$(PYTHON) -m uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --extra cpu pyproject.toml -o requirements.lock
	$(PYTHON) -m uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --extra gpu pyproject.toml -o requirements-gpu.lock
	$(PYTHON) -m uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --extra cpu --extra test pyproject.toml -o requirements-test.lock

# Coverage-guided, as long as you like; needs `pip install atheris` (see tests/fuzzing/run.py).
# Targets: reader, headers, rewriter, wire, json_guard.
FUZZ_PYTHON = $(PYTHON)
TARGET = reader
SECONDS = 600
fuzz:
	nice -n 15 $(FUZZ_PYTHON) tests/fuzzing/run.py $(TARGET) $(SECONDS)

# PyTorch is needed to train only; from the CPU index of your choice if the default is too large.
train-tools: install
	@$(PYTHON) -c 'import torch' 2>/dev/null || $(PYTHON) -m pip install -q torch==2.13.0
	@$(PYTHON) -m pip install -q onnx==1.23.2 matplotlib==3.11.2 opencv-python-headless==5.0.0.93

# For example: make train ARGS="--manifest /data/manifest.csv"; the format is in models/README.md.
train evaluate export card: train-tools
	$(PYTHON) -m training.$@ $(ARGS)

# What confirmed pictures add in hospitals new to the model; trains the blind models it lacks.
memory-evaluation: train-tools
	$(PYTHON) -m training.memory_evaluation $(ARGS)
	$(PYTHON) -m training.memory_card

docs:
	$(PYTHON) tests/documentation.py

screenshots: test-tools
	$(PYTHON) tests/browser/screenshots.py

benchmarks: test-tools
	$(PYTHON) tests/benchmarks/run.py $(ARGS)
