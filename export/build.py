"""From finished runs to a bundle: graphs, parity, golden vectors, catalogue, card; whole or not."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable
from pathlib import Path

import onnx
import torch

from export.card import model_card
from export.draft import FP32, Draft
from export.generator import generator_contract, generator_graph
from export.generator_layers import Network
from export.generator_variants import generator_trial
from export.keep import is_bundle, keep_model
from export.parity import generator_parity, recommender_parity
from export.recommender import recommender_contract, recommender_graph
from export.recommender_variants import recommender_trial
from export.requests import first_pictures, fresh_pictures, fresh_requests, golden_requests
from export.torch_layers import generator_leaves_torch, recommender_leaves_torch
from export.variants import add_variants
from runtime.bundle import open_bundle, write_bundle
from runtime.catalogue import Column, pack_catalogue
from runtime.durable import refuse_existing
from runtime.errors import UnusableInput
from runtime.layers import REQUESTS
from runtime.session import runtime_version
from runtime.users import pack_users
from runtime.version import __version__
from trainer.catalogue import ItemTable
from trainer.checkpoint import load_checkpoint
from trainer.config import CardConfig
from trainer.generator.train import load_generator
from trainer.options import to_mapping
from trainer.recommender.saved import load_recommender
from trainer.run import Run

FRESH_REQUESTS = 4000
FRESH_PICTURES = 2000
GOLDEN_REQUESTS = 768
GOLDEN_PICTURES = 32
LATENT_SCALES = (0.1, 2.0)
SEED = 20_000_003  # of fresh requests; training never draws from it

Say = Callable[[str], None]


def export_bundle(
    out: Path,
    *,
    recommender: Path | None,
    generator: Path | None,
    name: str,
    version: int,
    top_k: int = 50,
    latent_scale: float = 1.0,
    command: str = "",
    say: Say = lambda text: None,
) -> None:
    """Write the bundle of one or two finished runs.

    Args:
        out: the folder to create.
        recommender: run folder of a recommender, or a bundle whose recommender is kept, with its
            catalogue, its users and its ``top_k``; or None.
        generator: run folder of a generator, or a bundle whose generator is kept, or None.
        name: the bundle's name.
        version: a whole number that grows from bundle to bundle.
        top_k: longest answer of the recommender; cut to the catalogue's size.
        latent_scale: of z in a run's generator, 0.1 to 2 (see
            :meth:`trainer.generator.model.Generator.scale_latents`).
        command: the command line, for the card.
        say: receives one line for each thing done.

    Raises:
        UnusableInput: a run is unusable, ``out`` exists or cannot be written, ``latent_scale`` is
            out of range, or there is no run of a generator whose z it could scale.
        CheckFailed: a graph is out of tolerance against torch, or breaks a rule of
            :mod:`export.hygiene`; nothing is written.
    """
    refuse_existing(out)
    if not LATENT_SCALES[0] <= latent_scale <= LATENT_SCALES[1]:
        raise UnusableInput(
            f"--latent-scale is {latent_scale:g}; it must be from {LATENT_SCALES[0]:g} to "
            f"{LATENT_SCALES[1]:g}"
        )
    if latent_scale != 1 and (generator is None or is_bundle(generator)):
        raise UnusableInput(
            f"--latent-scale {latent_scale:g} scales z of a run's generator, and --generator is "
            f"{'left out' if generator is None else f'the bundle {str(generator)!r}'}; name the run"
        )
    draft = Draft(
        {
            "name": name,
            "version": version,
            "producer": {
                "endcap": __version__,
                "torch": torch.__version__,
                "onnx": onnx.__version__,
                "onnxruntime": runtime_version(),
                "python": platform.python_version(),
            },
            "data": {},
            "salt": secrets.token_hex(16),
        }
    )
    if recommender is not None and is_bundle(recommender):
        keep_model(draft, open_bundle(recommender), "recommender", say)
    elif recommender is not None:
        _add_recommender(draft, Run.open(recommender, "recommender"), top_k, say)
    if generator is not None and is_bundle(generator):
        keep_model(draft, open_bundle(generator), "generator", say)
    elif generator is not None:
        _add_generator(draft, Run.open(generator, "generator"), latent_scale, say)
    if command:
        draft.commands.append(command)
    draft.files["README.md"] = model_card(draft.manifest, draft.commands).encode()
    write_bundle(out, draft.manifest, draft.files)
    size = sum(map(len, draft.files.values()))
    say(f"wrote {out} ({size / 1e6:.1f} MB, version {version})")


def _remember(draft: Draft, run: Run, model: str, card: CardConfig) -> None:
    draft.manifest["data"][model] = to_mapping(card)
    if run.facts.get("command"):
        draft.commands.append(run.facts["command"])


def _add_recommender(draft: Draft, run: Run, top_k: int, say: Say) -> None:
    trained = load_recommender(run)
    data, config = trained.data, trained.config
    top_k = min(top_k, data.n_rows - 1)
    graph = recommender_graph(trained.model, top_k, draft.metadata(FP32))
    fresh = fresh_requests(trained, FRESH_REQUESTS, top_k, SEED)

    def explain() -> str:
        return recommender_leaves_torch(graph, trained.model, fresh, data.n_rows)

    parity = recommender_parity(FP32, graph, fresh, data.n_rows).required(explain)
    say(f"recommender {FP32}, {len(fresh):,} requests against torch: {parity.describe()}")
    golden = golden_requests(fresh, GOLDEN_REQUESTS, SEED)
    recommender_parity(FP32, graph, golden, data.n_rows).required(explain)  # as a device will
    _remember(draft, run, "recommender", config.card)
    arrays, columns = pack_catalogue(_columns(data.items))
    draft.manifest["catalogue"] = {
        "file": draft.add_arrays("catalogue.npz", arrays),
        "columns": columns,
    }
    salt = bytes.fromhex(draft.manifest["salt"])
    users = pack_users(data.user_ids, data.history_offsets, data.history_items, salt)
    draft.manifest["users"] = {"file": draft.add_arrays("users.npz", users)}
    facts = {
        "arch": config.arch,
        "n_items": data.n_rows - 1,
        "n_users": len(data.user_ids),
        "max_basket": trained.max_basket,
        "top_k": top_k,
        "seen_filter": not config.data.repeat_purchases,
        "metrics": trained.evaluation,
        "evaluation": {"data": to_mapping(config.data), "split": to_mapping(config.split)},
    }
    requests = golden.feeds(0, min(REQUESTS, len(golden)), data.n_rows)
    contract = recommender_contract(data.n_rows, trained.max_basket, top_k)
    draft.add_model("recommender", graph, parity, golden, requests, contract, facts)
    trial = recommender_trial(trained.model, top_k, fresh, golden, requests)
    add_variants(draft, trial, say)


def _columns(items: ItemTable) -> list[Column]:
    columns = [Column("item_id", "text", items.item_ids), Column("title", "text", items.titles)]
    for attribute in items.attributes:
        name = attribute.name
        if attribute.kind == "number":
            columns.append(Column(name, "number", attribute.numbers.tolist()))
        elif attribute.kind == "labels":
            texts = [" | ".join(values) for values in attribute.lists()]
            columns.append(Column(name, "text", texts))
        else:
            labels = [values[0] if values else None for values in attribute.lists()]
            columns.append(Column(name, "label", labels))
    return columns


def _add_generator(draft: Draft, run: Run, latent_scale: float, say: Say) -> None:
    generator, config, categories, metrics = load_generator(run)
    if latent_scale != 1:
        generator.scale_latents(latent_scale)
        unscaled = f"{metrics['protocol']}; taken before z was scaled"
        metrics = {**metrics, "protocol": unscaled, "latent_scale": latent_scale}
    network = Network.of(generator)
    graph = generator_graph(network, draft.metadata(FP32))
    fresh = fresh_pictures(generator, FRESH_PICTURES, SEED)

    def explain() -> str:
        return generator_leaves_torch(graph, generator, fresh)

    parity = generator_parity(FP32, graph, fresh).required(explain)
    say(f"generator {FP32}, {len(fresh):,} pictures against torch: {parity.describe()}")
    golden = first_pictures(fresh, max(GOLDEN_PICTURES, len(categories)))
    generator_parity(FP32, graph, golden).required(explain)  # as a device will
    _remember(draft, run, "generator", config.card)
    facts = {
        "arch": "dcgan",
        "categories": list(categories),
        "z_dim": generator.z_dim,
        "image_size": generator.image_size,
        "channels": generator.channels,
        "metrics": metrics,
        "evaluation": {
            "images": to_mapping(config.images),
            "seed": config.dcgan.seed,
            "pictures": load_checkpoint(run.checkpoint)["pictures"],
        },
    }
    requests = golden.feeds(0, min(REQUESTS, len(golden)))
    contract = generator_contract(network)
    draft.add_model("generator", graph, parity, golden, requests, contract, facts)
    add_variants(draft, generator_trial(network, fresh, golden, requests, say), say)
