"""Taking a model over from an earlier bundle: one is trained again, the other stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

from export.draft import Draft
from runtime.bundle import Bundle
from runtime.errors import CheckFailed, UnusableInput
from runtime.manifest import MANIFEST
from runtime.parity import check_bundle

Say = Callable[[str], None]

# What a recommender's rows are named by, beside its own section of the manifest.
_NAMED_BY = ("catalogue", "users")


def is_bundle(path: Path) -> bool:
    """Tell a bundle, folder or zip, from a run."""
    return path.suffix == ".zip" or (path / MANIFEST).exists()


def keep_model(draft: Draft, bundle: Bundle, model: str, say: Say) -> None:
    """Take a model of an earlier bundle, with its golden vectors and its proof.

    Torch is not there to ask again, so its graphs are held against its golden vectors. A
    recommender brings its catalogue and its users, and the salt that their ids are hashed with.

    Args:
        draft: what is being put together.
        bundle: the earlier one.
        model: "recommender" or "generator".
        say: receives one line.

    Raises:
        UnusableInput: the bundle has no such model.
        CheckFailed: a graph is out of tolerance, or breaks a rule of :mod:`export.hygiene`.
    """
    manifest = bundle.manifest
    if model not in manifest.raw:
        raise UnusableInput(
            f"bundle {str(bundle.path)!r} holds no {model}; give a run, or leave it"
        )
    _prove(bundle, model)
    section = dict(manifest.raw[model])
    variants = {}
    for variant, facts in section["variants"].items():
        graph = onnx.load_model_from_string(bundle.read_bytes(facts["file"]))
        producer = f"{graph.producer_name} {graph.producer_version}"
        metadata = draft.metadata(variant) | {"producer": producer}
        onnx.helper.set_model_props(graph, metadata)
        content = graph.SerializeToString()
        draft.add_graph(facts["file"], content, (section["inputs"], section["outputs"]), metadata)
        variants[variant] = {**facts, "bytes": len(content)}
    files = [section["golden"], section["layers"]]
    files += [facts["layers"] for facts in section["variants"].values() if "layers" in facts]
    if model == "recommender":
        draft.manifest |= {name: manifest.raw[name] for name in (*_NAMED_BY, "salt")}
        files += [manifest.raw[name]["file"] for name in _NAMED_BY]
    for name in files:
        draft.files[name] = bundle.read_bytes(name)
    draft.manifest[model] = section | {"variants": variants}
    draft.manifest["data"][model] = manifest.raw["data"][model]
    origin = f"{manifest.name} version {manifest.version}"
    card = bundle.read_bytes("README.md").decode()
    trained = [line for line in card.splitlines() if line.startswith(f"endcap train {model} ")]
    draft.commands += [f"# the {model} is that of {origin}, made by:", *trained]
    say(f"{model}: kept from {origin}")


def _prove(bundle: Bundle, model: str) -> None:
    report = check_bundle(bundle, "cpu", model=model)
    if not report.passed:
        first = next(check for check in report.checks if not check.passed)
        reasons = [failure.reason for failure in report.failures]
        raise CheckFailed(
            f"the {model} of {str(bundle.path)!r} is out of tolerance here, so no bundle is "
            f"written: {first.variant} {first.metric} is {first.value}, tolerance "
            f"{first.tolerance}; {'; '.join(reasons)}"
        )
