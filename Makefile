# Emocast: every target makes the environment it needs. `make help` explains.

PROFILE ?= demo
CORPUS  ?=
DATA    ?= $(CURDIR)/data
OUTPUTS ?= $(CURDIR)/outputs
ARGS    ?=

# The two folders may hold spaces and any letters. Make takes a space for the end of a name: `absolute` has no function that
# would, and `escaped` writes one as rules want it; recipes say "$$EMOCAST_OUTPUTS".
SPACE    := $(subst ,, )
COMMA    := ,
absolute  = $(if $(filter /%,$(firstword $(1))),$(1),$(CURDIR)/$(1))
escaped   = $(subst $(SPACE),\$(SPACE),$(1))
export EMOCAST_DATA := $(call absolute,$(or $(DATA),data))
export EMOCAST_OUTPUTS := $(call absolute,$(or $(OUTPUTS),outputs))

# Where embeddings are computed: on this machine, or EXECUTOR=dask SCHEDULER=tcp://host:8786 (README, "Many machines").
EXECUTOR  ?= local
SCHEDULER ?=
export EMOCAST_EXECUTOR := $(EXECUTOR)
export EMOCAST_SCHEDULER := $(SCHEDULER)

# The environment: an active conda environment (not base), else a venv of our own in .venv.
CONDA := $(if $(filter-out base,$(CONDA_DEFAULT_ENV)),$(CONDA_PREFIX))
ENV   := $(if $(CONDA),$(CONDA),$(CURDIR)/.venv)
PY    := $(ENV)/bin/python
STAMP := $(ENV)/.emocast.lock

SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))

# The notebooks; what each builds on stands below. A new notebook needs a line in both places.
NOTEBOOKS := 01_dataset_audit 02_clap_zero_shot 03_embedding_extraction 04_forecasting_fcdnn 05_time_shift_sweep \
	06_cross_lingual_ser 07_is_it_forecasting 08_forecast_a_recording 09_across_corpora
# Those that have a parameter `corpus`.
FORECASTING := 03_embedding_extraction 04_forecasting_fcdnn 05_time_shift_sweep 07_is_it_forecasting

# A profile of ours by its name, or one's own by its file; outputs are named after it.
OWN   := $(filter %.yaml %.yml,$(PROFILE))
ASKED := $(if $(OWN),$(abspath $(OWN)),$(PROFILE))
NAME  := $(basename $(notdir $(PROFILE)))

PROFILES := $(patsubst lib/emocast/profiles/%.yaml,%,$(wildcard lib/emocast/profiles/*.yaml))
ONE_OF   := PROFILE is one of $(subst $(SPACE),$(COMMA) ,$(strip $(sort $(PROFILES))))

ifneq ($(words $(PROFILE)),1)
$(error $(ONE_OF), or the path of a .yaml file without a space: $(PROFILE))
endif

ifneq ($(OWN),$(wildcard $(OWN)))
$(error no profile $(OWN): $(ONE_OF), or the path of a .yaml file)
endif

# Whether notebook 06 trains the encoders: not in paper, nor in a profile that keeps to paper's or to others of the hub.
SAID   := $(or $(OWN),lib/emocast/profiles/$(PROFILE).yaml)
TRAINS := $(if $(filter-out paper,$(PROFILE)),$(shell tr -d '"' < '$(SAID)' | grep -q '^extends: *paper' && ! grep -qF '{profile}/models/' '$(SAID)' || echo yes))

# A profile's outputs; those of its notebooks on another corpus (CORPUS=meld) stand below them. Paths with `=` in them are
# always behind a variable: make would take a rule that shows one for an assignment.
HOME_    := $(call escaped,$(EMOCAST_OUTPUTS))/$(NAME)
RUN      := $(HOME_)$(if $(CORPUS),/variants/corpus=$(CORPUS))
finished  = $(HOME_)/$(1)/$(1).ipynb
elsewhere = $(RUN)/$(1)/$(1).ipynb

# The profiles that are tracked compute with AVX2, which every x86-64 processor of the last ten years has: a sum taken in another order
# makes another network, and a second machine is to tell the same story. It costs a twentieth of the time of one with AVX-512.
STEADY := $(if $(filter demo smoke turns,$(PROFILE)),env ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_CBWR=AVX2 OPENBLAS_CORETYPE=Haswell)

# What a notebook goes by: its cells, the profile, the modules that it imports (without docstrings), and which files of which size
# and time the corpora have that nobody here makes. `stamps` writes a file for each, and anew only when any of that has changed, so
# that a sentence mended in the library runs nothing again.
RUNS   := $(STEADY) $(PY) -m emocast_run
CODE   := $(HOME_)/.code
coded   = $(CODE)/$(1)
stamps  = $(RUNS) stamp --profile $(ASKED) $(if $(CORPUS),--corpus $(CORPUS)) $(if $(VOICES),--twins "$$EMOCAST_DATA/$(PROFILE)/.code")
SITE   := $(wildcard lib/emocast_run/*.py lib/emocast_run/templates/*) data/LICENCES.md

# demo and smoke have embedded data that are made anew when the makers change: the conversations, and what stands beside them. For
# all other profiles `ready` comes first: what an own profile's synthetic corpora lack is made, and of corpora and
# checkpoints that nobody can make it is said at once which are missing.
EMBEDDED := $(if $(filter demo smoke,$(PROFILE)),$(call escaped,$(EMOCAST_DATA))/$(PROFILE))
TALKS    := $(if $(EMBEDDED),$(EMBEDDED)/IEMOCAP_full_release/synthetic.json)
TWINS    := $(if $(EMBEDDED),$(foreach folder,CREMA-D EmoDB ShEMO LibriSpeech MELD.Raw,$(EMBEDDED)/$(folder)/synthetic.json))
SPEECH   := $(if $(EMBEDDED),$(EMBEDDED)/LibriSpeech/synthetic.json)
VOICES   := $(if $(EMBEDDED),$(EMBEDDED)/.code)
READY    := $(if $(EMBEDDED),,ready)

ifneq ($(words $(CURDIR)),1)
$(error make cannot work in a folder whose path holds a space: $(CURDIR))
endif

.PHONY: help env reproduce test smoke verify reference checkpoints bench lab lint format lock clean data validate report open
.PHONY: ready finished
.DELETE_ON_ERROR:
# A corpus takes its place whole: what is there when make is killed is good, and without its marker nobody would replace it.
.PRECIOUS: $(TALKS) $(TWINS)

help:  ## this list
	@echo "Emocast. Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Settings: PROFILE=$(subst $(SPACE),|,$(strip $(sort $(PROFILES))))|own.yaml  DATA=folder of corpora  OUTPUTS=folder of results  PYTHON=interpreter"
	@echo "          CORPUS=meld runs the forecasting notebooks on that corpus in place of the profile's main one"
	@echo "          EXECUTOR=local|dask  SCHEDULER=tcp://host:8786"
	@echo "Now: PROFILE=$(PROFILE), environment $(ENV)"

env: $(STAMP)  ## make the environment (.venv, or the active conda environment), only when the lock changed

# Two notebooks at a time, where nobody asked make for another number: much of a notebook's time one core is idle. The cores are
# shared between them, for threads of two that wait for each other take twice the time of one. The embedded profiles have
# one each on every machine: a sum that is shared out is taken in another order, too.
SHARE := import os; print(max(1, (os.cpu_count() or 1) // 2))
reproduce: $(STAMP)  ## run what is not up to date of all notebooks, then write outputs/<profile>/index.html
	@$(stamps) && export OMP_NUM_THREADS=$${OMP_NUM_THREADS:-$(if $(STEADY),1,$$($(PY) -c '$(SHARE)'))} && exec $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2) finished

finished: $(RUN)/index.html
	@echo "Up to date: open $<"

report: $(STAMP)  ## write the site anew from what the notebooks left, without running any
	@$(RUNS) site --profile $(ASKED) $(if $(CORPUS),--corpus $(CORPUS))

open: $(STAMP)  ## open the finished run's site in the browser
	@$(RUNS) open --profile $(ASKED) $(if $(CORPUS),--corpus $(CORPUS))

smoke:  ## the same in the smoke profile: does every notebook run?
	@$(MAKE) --no-print-directory reproduce PROFILE=smoke

test: $(STAMP)  ## run the tests (ARGS=--slow for further runs of the notebooks; ARGS="-k window -x" goes to pytest)
	OMP_NUM_THREADS=1 $(STEADY) $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

verify: $(STAMP)  ## is outputs/<profile> as outputs/reference/<profile>, within stated tolerances? (ARGS=--exact for none)
	@$(RUNS) verify --profile $(ASKED) $(ARGS)

reference: reproduce  ## renew outputs/reference/<profile> from this run: its tables and small figures
	$(RUNS) reference --profile $(ASKED)

checkpoints: $(STAMP)  ## download the published models that a profile names (PROFILE=paper) into the model hub's cache
	$(RUNS) needs --profile $(if $(filter demo smoke,$(PROFILE)),paper,$(ASKED)) --fetch

data: $(STAMP)  ## which real corpora are there, and how to get them; ARGS="emodb cremad" (or all) fetches these
	@$(PY) -m emocast.corpora $(if $(ARGS),download $(ARGS),where) $(if $(filter file,$(origin PROFILE)),,--profile $(ASKED))
	@$(if $(ARGS),,echo 'to fetch some: make data ARGS="emodb cremad"; all that need no form: make data PROFILE=open ARGS=all')

validate: $(STAMP)  ## look at every file of the real corpora that are there: is each copy whole? (ARGS="emodb" for some)
	@$(PY) -m emocast.corpora validate $(ARGS) $(if $(filter file,$(origin PROFILE)),,--profile $(ASKED))

bench: $(STAMP)  ## measure speed and memory against the plain way; writes outputs/bench.md (ARGS="--only c,e" for some)
	$(PY) -m benchmarks $(ARGS)

lab: $(STAMP)  ## open JupyterLab on the notebooks, with this environment's kernel
	JUPYTER_PREFER_ENV_PATH=1 HF_HUB_OFFLINE=1 $(STEADY) $(PY) -m jupyterlab --notebook-dir=notebooks $(ARGS)

lint: $(STAMP)  ## ruff on code and notebooks; notebooks without outputs
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m nbstripout --keep-id --verify notebooks/*.ipynb

format: $(STAMP)  ## mend what lint finds where a tool can
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .
	$(PY) -m nbstripout --keep-id notebooks/*.ipynb

lock: ## write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.10 --no-header --no-annotate -o requirements.lock

clean:  ## delete the results and synthetic corpora of demo and smoke; real corpora and .venv stay
	rm -rf $(foreach profile,demo smoke,"$(EMOCAST_OUTPUTS)/$(profile)" "$(EMOCAST_DATA)/$(profile)")

# --- the environment: installed when the lock's content changed, not when its date did
$(STAMP): requirements.lock pyproject.toml
	@$(if $(CONDA),,PYTHON="$(PYTHON)" sh .ci/venv "$(ENV)")
	@$(PY) -c '$(SUPPORTED)' || { echo "error: Emocast needs Python 3.10, 3.11 or 3.12; $(ENV) has $$($(PY) -V)" >&2; exit 1; }
	@cat requirements.lock pyproject.toml | cmp -s - $@ || { \
	  echo "Installing the pinned environment into $(ENV): some minutes, about 8 GB"; \
	  $(PY) -m pip install --quiet --no-warn-script-location -r requirements.lock && \
	  $(PY) -m pip install --quiet --no-deps --no-build-isolation --editable . && \
	  echo "Compiling once what the notebooks call" && $(PY) -W ignore -m emocast_run warmup; }
	@cat requirements.lock pyproject.toml > $@

# --- the data
synthetic = $(STEADY) $(PY) -m emocast_twins --profile $(ASKED)

$(TALKS) $(TWINS): $(VOICES) | $(STAMP)
	@folder=$$(basename "$$(dirname "$@")"); echo "$(NAME): synthetic $$folder"; $(synthetic) --corpus "$$folder"

ready: | $(STAMP)
	@$(synthetic) --if-missing
	@$(RUNS) needs --profile $(ASKED) $(if $(CORPUS),--corpus $(CORPUS))

# --- the notebooks
$(foreach name,$(NOTEBOOKS) models,$(call coded,$(name))) $(VOICES): | $(STAMP)
	@$(stamps)

$(call finished,06_cross_lingual_ser) $(call finished,09_across_corpora): $(TWINS)
# In paper the encoders are published checkpoints; else (TRAINS) they are trained first: 06 shows them, 03 asks them, and 02 trains
# the small wav2vec 2.0 among them further. What is trained already is left as it is.
ifneq ($(TRAINS),)
MODELS := $(HOME_)/models/.trained
$(MODELS): $(TALKS) $(SPEECH) $(call coded,models) $(STAMP) | $(READY)
	@echo "$(NAME): recognisers of notebook 06"
	@$(RUNS) train --profile $(ASKED)
	@touch "$@"
$(foreach name,02_clap_zero_shot 03_embedding_extraction 06_cross_lingual_ser 09_across_corpora,$(call finished,$(name))): $(MODELS)
endif
$(call finished,04_forecasting_fcdnn) $(call finished,05_time_shift_sweep): $(call finished,03_embedding_extraction)
# What is dropped into data/recordings/ is forecast by the next run: a folder is newer when a file was put there.
$(call finished,08_forecast_a_recording): $(call finished,03_embedding_extraction) $(if $(wildcard $(call escaped,$(EMOCAST_DATA)/recordings)),$(call escaped,$(EMOCAST_DATA)/recordings))
# They have no need of these, but are not to take the core on which 05 and 07 begin, for which all wait in the end.
$(call finished,08_forecast_a_recording): | $(call finished,05_time_shift_sweep)
$(call finished,02_clap_zero_shot): | $(call finished,04_forecasting_fcdnn)
# 07 asks the encoders that 06 re-tunes, so it waits for them where both run; that 06 ran again is no reason for it.
$(call finished,07_is_it_forecasting): $(foreach name,03_embedding_extraction 04_forecasting_fcdnn 05_time_shift_sweep,$(call finished,$(name))) \
	| $(call finished,06_cross_lingual_ser)

define notebook
$(call finished,$(1)): $(call coded,$(1)) $(TALKS) $(STAMP) | $(READY) $(TWINS)
	@echo "$(NAME): $(1)"
	@$(RUNS) run notebooks/$(1).ipynb --profile $(ASKED)
endef
$(foreach name,$(NOTEBOOKS),$(eval $(call notebook,$(name))))

define on_another_corpus
$$(call elsewhere,$(1)): $(call coded,$(1)) $(TWINS) $(MODELS) $(STAMP) | $(READY)
	@echo "$(NAME), $(CORPUS): $(1)"
	@$(RUNS) run notebooks/$(1).ipynb --profile $(ASKED) --parameter corpus $(CORPUS)
endef
ifneq ($(CORPUS),)
$(foreach name,$(FORECASTING),$(eval $(call on_another_corpus,$(name))))
$(call elsewhere,04_forecasting_fcdnn) $(call elsewhere,05_time_shift_sweep): $(call elsewhere,03_embedding_extraction)
$(call elsewhere,07_is_it_forecasting): $(foreach name,$(filter-out 07_%,$(FORECASTING)),$(call elsewhere,$(name)))
endif

# Make begins in this order: first what others wait for, so that no core is idle in the end.
ASKED_FOR := $(if $(CORPUS),$(FORECASTING),$(NOTEBOOKS))
URGENT    := $(foreach number,03 06 05 04 07 02,$(filter $(number)_%,$(ASKED_FOR)))
$(RUN)/index.html: $(foreach name,$(URGENT) $(filter-out $(URGENT),$(ASKED_FOR)),$(call elsewhere,$(name))) $(SITE)
	@$(RUNS) site --profile $(ASKED) $(if $(CORPUS),--corpus $(CORPUS))
