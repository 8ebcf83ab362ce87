# make run          Orthanc with the plugin, in the foreground; installs what is missing first
# make install      what is missing for that, and no start
# make backfill     annotate the old stock with the processors of this machine, or of a Ray cluster
# make ray          ARGS="start --head": Ray's own command, with its reports to its makers turned off
# make test         everything: format, lint, types, unit, integration, image and browser tests
# make unit | integration | browser   a part of it; integration ON=sid, browser ON=trixie: on that Debian's Orthanc
# make coverage     the unit tests, with the lines that none of them reaches
# make lint         format, lint and types alone
# make format       what can be put right by itself
# make docs         the tables of settings and routes in README and docs
# make doors        docs/security.md: what a decoder in a stranger's hands cannot do
# make fuzz         the reader against made-up files: make fuzz TARGET=reader SECONDS=1800
# make attack       NAME=kills | lives | stops | mutated | flood | api against a real Orthanc; docs/security.md has the figures
# make benchmarks   docs/benchmarks.md (quiet machine, minutes)
# make screenshots  the README's pictures, of drawn films
# make train        a new model from a manifest: see docs/train-on-your-own-archive.md
# make export | evaluate | card   what comes after it: the files, their figures, the card's tables
# make memory-evaluation   what confirmed pictures add in hospitals new to the model (hours)
# make fusion       the error rates that join picture and header, measured anew
# make golden       what an inference server is checked with, and its configuration: after each new model
# make exemplars    what the memory rehearses beside people's words: after each new model
# make triton       the model repository models/triton, for Triton and OpenVINO Model Server
# make gpu-check    is a GPU used, does it agree with the CPU, and how fast is it
# make dist         one archive for hospitals without internet, in dist/
# make sbom | audit the bill of materials; known holes in what is locked
# make lock         the lock files, from pyproject.toml

PYTHON = .venv/bin/python
export PYTHONPATH = plugin:models:tests:.
export PYTHONDONTWRITEBYTECODE = 1

HELPER = sh orthanc-config/venv.sh requirements.lock
RAY = requirements-ray.lock

.PHONY: help run install backfill ray ray-tools test unit integration browser coverage format fuzz attack test-tools newer-orthanc lint lock \
	docs doors screenshots benchmarks fusion golden exemplars triton gpu-check train-tools train evaluate export card memory-evaluation dist sbom audit tools

help:
	@sed -n 's/^# make /make /p' Makefile

# The tests' PYTHONPATH is not for Orthanc's Python.
run: install
	@exec env -u PYTHONPATH -u PYTHONDONTWRITEBYTECODE python3 orthanc-config/start.py

install:
	@sh orthanc-config/install.sh

# For example: make backfill ARGS="http://orthanc:8042 --workers 8"; see docs/scale.md. A helper
# needs no Orthanc of its own.
backfill:
	@$(HELPER) $(if $(findstring --ray,$(ARGS)),$(RAY))
	@exec env PYTHONPATH=plugin $(PYTHON) -m backfill $(ARGS)

ray-tools:
	@$(HELPER) $(RAY)

# Ray's own command, with all that it would tell its makers turned off: make ray ARGS="start --head".
ray: ray-tools
	@exec env PYTHONPATH=plugin $(PYTHON) -m backfill.ray_command $(ARGS)

# Tests that start Orthancs and browsers wait most of their time: two of them fit on two processors.
test: test-tools newer-orthanc tools lint
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 20 \
		|| { echo $$? > .pytest_cache/status; exit 1; }

unit: test-tools
	$(PYTHON) -m pytest tests/unit $(ARGS)

integration: test-tools newer-orthanc tools
	BODYPART_ON=$(ON) $(PYTHON) -m pytest tests/integration tests/image tests/distribution $(ARGS)

browser: test-tools newer-orthanc
	BODYPART_ON=$(ON) $(PYTHON) -m pytest tests/browser $(ARGS)

coverage: test-tools
	$(PYTHON) -m pytest tests/unit --cov=plugin --cov=models/training --cov-report=term-missing:skip-covered $(ARGS)

format: test-tools
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

test-tools: install
	@sh tests/install.sh

# Orthanc 1.12 and 1.13. Where they cannot be had, their tests are skipped with the reason; in CI they fail.
newer-orthanc: test-tools
	@sh tests/newer_orthanc.sh

lint: tools
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.tools/bin/oxlint --deny-warnings plugin

# Coverage-guided, as long as you like; needs `pip install atheris` (see tests/fuzzing/run.py).
# Targets: reader, headers, rewriter, wire, json_guard.
FUZZ_PYTHON = $(PYTHON)
TARGET = reader
SECONDS = 600
fuzz:
	nice -n 15 $(FUZZ_PYTHON) tests/fuzzing/run.py $(TARGET) $(SECONDS)

# Minutes to hours; what they did goes into docs/tried, and with `make docs` into docs/security.md.
NAME = kills
attack: test-tools
	$(PYTHON) tests/attacks/$(NAME).py $(ARGS)

# How often picture and header are wrong: after a training, or from reviews
# (docs/train-on-your-own-archive.md).
fusion: install
	$(PYTHON) -m training.error_rates $(ARGS)

docs:
	$(PYTHON) tests/documentation.py

doors: test-tools
	$(PYTHON) tests/doors_tried.py

screenshots: test-tools
	$(PYTHON) tests/browser/screenshots.py

benchmarks: test-tools
	$(PYTHON) tests/benchmarks/run.py $(ARGS)

# PyTorch's build for CPUs where pip is told of one (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL), else the
# usual one with CUDA, which takes gigabytes.
train-tools:
	@sh orthanc-config/install.sh requirements-train.lock
	@$(PYTHON) -c 'import torch' 2>/dev/null \
		|| sh orthanc-config/install.sh requirements-train-cpu.lock 2>/dev/null \
		|| sh orthanc-config/install.sh requirements-train-cuda.lock

# For example: make train ARGS="--manifest /data/manifest.csv"; the format is in
# docs/train-on-your-own-archive.md.
train evaluate export card: train-tools
	$(PYTHON) -m training.$@ $(ARGS)

# For a model of your own: make golden ARGS="--model FILE --config FOLDER/bodypart/config.pbtxt".
golden: install
	$(PYTHON) -m training.golden $(ARGS)

exemplars: train-tools
	$(PYTHON) -m training.exemplars $(ARGS)

triton:
	@mkdir -p models/triton/bodypart/1
	cp models/bodypart.onnx models/triton/bodypart/1/model.onnx

# Where there is no NVIDIA GPU it says so, and all is well. ARGS="--on cpu" goes the same way without one.
gpu-check: install
	$(PYTHON) tests/gpu.py $(ARGS)

# What confirmed pictures add in hospitals new to the model; trains the blind models it lacks.
memory-evaluation: train-tools
	$(PYTHON) -m training.memory_evaluation $(ARGS)
	$(PYTHON) -m training.memory_table

# What is needed to build for others lies apart from what they get.
tools: .tools/requirements-tools.lock

.tools/requirements-tools.lock: requirements-tools.lock | install
	@/usr/bin/python3 -m venv --clear .tools
	@.tools/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	@cp $< $@

lock: tools
	.tools/bin/python -m distribution.lock

dist: install tools
	.tools/bin/python -m distribution.archive $(ARGS)

sbom: install tools
	.tools/bin/python -m distribution.bill_of_materials $(ARGS)

# "-s osv" asks another source. What nobody can tell of is an error, too.
audit: tools
	.tools/bin/python -m pip_audit --strict --disable-pip --require-hashes -r requirements.lock $(ARGS)
