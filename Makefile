# make demo   sets up and runs the whole chain on a fictional corner store
# make test   sets up and passes the tests; as root on Debian it installs Chromium for those of the kiosk
# make check  ruff (lint and format) and mypy, strict on runtime/
# make models trains and exports the shipped bundles again (over an hour on 2 cores)
# make bench  cold start, installed size, cost of the demo
# make quality  ranking quality beside peers, on real data (hours on 2 cores); make peers sets them up
# make picture-quality  the generator beside the seed's DCGAN, on Fashion-MNIST and product-images (hours on 2 cores)
# make rate   training rate beside RecBole, in an environment of its own; make long-log: 20 million purchases
# make generator-export  the generator's graphs beside other exports' (minutes); make export-peers sets those up
# make speed  the recommender's graphs beside a naive export, implicit and a bare dot product (minutes)
# make int8-loss  NDCG@10 that fp16 and int8 lose; trains Beauty's recipe unless make quality has
# make serving-bench  HTTP beside plain apps: overhead, requests a second, reload under load, start (on two free cores)
# make soak   200,000 requests; make overload: ten times what it can do, for a minute
# make docs   docs/cli.md and docs/config.md from the code
# make kiosk-paint  how soon the kiosk page is painted in Chromium, on two free cores
# make kiosk-pictures  docs/kiosk-*.png from the kiosk page in Chromium
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DATA ?= ../shared/data

.PHONY: demo test check docs models bench peers quality picture-quality rate long-log export-peers \
	generator-export speed int8-loss serving-bench soak overload kiosk-pictures kiosk-paint clean

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "endcap needs Python 3.11 or later; name one with: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cpu,serve,train,dev]'
	touch $@

demo: $(VENV)/.installed
	rm -rf build/demo
	$(BIN)/endcap demo --out build/demo

test: $(VENV)/.installed
	@sh tests/kiosk/install_browser.sh
	$(BIN)/python -m pytest

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict runtime
	$(BIN)/mypy trainer export

docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/draw_pictures.py

kiosk-paint: $(VENV)/.installed
	@sh tests/kiosk/install_browser.sh
	$(BIN)/python -m benchmarks.serving.kiosk_paint

kiosk-pictures: $(VENV)/.installed
	@sh tests/kiosk/install_browser.sh
	$(BIN)/python -m docs.draw_kiosk

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.installed_size
	$(BIN)/python -m benchmarks.cold_start
	$(BIN)/python -m benchmarks.demo_cost

RECBOLE = build/recbole

$(RECBOLE)/.installed: benchmarks/peers-recbole.txt
	$(PYTHON) -m venv $(RECBOLE)
	$(RECBOLE)/bin/python -m pip install --quiet --requirement benchmarks/peers-recbole.txt
	touch $@

rate: $(VENV)/.installed $(RECBOLE)/.installed
	$(BIN)/python -m benchmarks.training_rate
	$(BIN)/python -m benchmarks.embedding_update

long-log: $(VENV)/.installed
	$(BIN)/python -m benchmarks.log_scale

SERVING = build/serving-peers

$(SERVING)/.installed: benchmarks/peers-serving.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(SERVING)
	$(SERVING)/bin/python -m pip install --quiet --constraint constraints.txt --requirement benchmarks/peers-serving.txt --editable '.[cpu,serve]'
	touch $@

MLSERVER = build/mlserver

# It wants older packages than endcap's and stands in an environment of its own; where it does not install, the
# benchmark goes on without it.
$(MLSERVER)/.tried: benchmarks/peers-mlserver.txt pyproject.toml
	$(PYTHON) -m venv $(MLSERVER)
	$(MLSERVER)/bin/python -m pip install --quiet --requirement benchmarks/peers-mlserver.txt --editable '.[cpu]' || \
		rm -rf $(MLSERVER)/bin
	touch $@

serving-bench: $(SERVING)/.installed $(MLSERVER)/.tried
	$(SERVING)/bin/python -m benchmarks.serving.mask
	$(SERVING)/bin/python -m benchmarks.serving.overhead
	$(SERVING)/bin/python -m benchmarks.serving.throughput --mlserver $(MLSERVER)/bin/python
	$(SERVING)/bin/python -m benchmarks.serving.reloads
	$(SERVING)/bin/python -m benchmarks.serving.start

soak: $(VENV)/.installed
	$(BIN)/python -m benchmarks.serving.soak

overload: $(VENV)/.installed
	$(BIN)/python -m benchmarks.serving.overload

PEERS = .venv-peers

# RecTools brings pm-implicit, whose files lie over implicit's; implicit's own are laid over them.
$(PEERS)/.installed: benchmarks/peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --requirement $<
	$(PEERS)/bin/python -m pip uninstall --quiet --yes pm-implicit
	$(PEERS)/bin/python -m pip install --quiet --force-reinstall --no-deps $$(grep ^implicit== $<)
	touch $@

peers: $(PEERS)/.installed

quality: $(VENV)/.installed $(PEERS)/.installed
	rm -rf build/quality
	$(BIN)/python -m benchmarks.quality all --data $(DATA) --with-sasrec

picture-quality: $(VENV)/.installed
	$(BIN)/python -m benchmarks.generator_quality fashion-mnist --data $(DATA)
	$(BIN)/python -m benchmarks.generator_quality product-images --data $(DATA)

EXPORT_PEERS = build/export-peers

# It sees what is installed in $(VENV), so that all sides run in one process.
$(EXPORT_PEERS)/.installed: benchmarks/peers-export.txt $(VENV)/.installed
	$(PYTHON) -m venv $(EXPORT_PEERS)
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > \
		$$($(EXPORT_PEERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/house.pth
	$(EXPORT_PEERS)/bin/python -m pip install --quiet --requirement $<
	touch $@

export-peers: $(EXPORT_PEERS)/.installed

generator-export: export-peers
	$(EXPORT_PEERS)/bin/python -m benchmarks.generator_export

speed: export-peers
	$(EXPORT_PEERS)/bin/python -m benchmarks.recommender_export

int8-loss: $(VENV)/.installed
	$(BIN)/python -m benchmarks.int8_loss --data $(DATA)

SHOP = build/corner-store
UCI = $(DATA)/uci-online-retail/online_retail_invoices.parquet

models: $(VENV)/.installed
	rm -rf $(SHOP) runs/corner-store-* runs/online-retail-*
	$(BIN)/endcap data sample --out $(SHOP) --pictures 400
	$(BIN)/endcap train recommender --interactions $(SHOP)/interactions.csv --catalogue $(SHOP)/catalogue.csv \
		--config recipes/corner-store/recommender.toml --out runs/corner-store-recommender
	$(BIN)/endcap train generator --images $(SHOP)/images \
		--config recipes/corner-store/generator.toml --out runs/corner-store-generator
	$(BIN)/endcap train recommender --interactions $(UCI) \
		--config recipes/online-retail/recommender.toml --out runs/online-retail-recommender
	$(BIN)/endcap train generator --images $(DATA)/fashion-mnist/train.npz \
		--config recipes/online-retail/generator.toml --out runs/online-retail-generator
	rm -rf models/corner-store models/online-retail
	$(BIN)/endcap export --recommender runs/corner-store-recommender \
		--generator runs/corner-store-generator --out models/corner-store
	$(BIN)/endcap export --recommender runs/online-retail-recommender \
		--generator runs/online-retail-generator --out models/online-retail

clean:
	rm -rf build $(VENV) $(PEERS) .mypy_cache .pytest_cache .ruff_cache
