"""manifest.json turned into a :class:`Manifest`; anything wrong with it becomes one sentence."""

from __future__ import annotations

import json
import math
from typing import Any

from runtime.errors import UnusableInput
from runtime.fields import Fields
from runtime.manifest import (
    FORMAT,
    MANIFEST,
    UNLISTED,
    CatalogueSection,
    FileRecord,
    GeneratorSection,
    Manifest,
    RecommenderSection,
    Tensor,
    Variant,
    check_path,
)


def parse_manifest(content: bytes) -> Manifest:
    """Parse and validate manifest.json.

    Raises:
        UnusableInput: not JSON, a key missing or of the wrong type, a path that leaves the
            bundle, a newer format, or a section that names a file which ``files`` does not list.
    """
    try:
        raw = json.loads(content.decode("utf-8"), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise UnusableInput(
            f"{MANIFEST} is not JSON ({error}); the bundle is damaged, export it again"
        ) from error
    fields = Fields(raw, MANIFEST)
    file_format = fields.integer("format", low=1)
    if file_format > FORMAT:
        raise UnusableInput(
            f"the bundle has format {file_format} and this endcap reads up to {FORMAT}; "
            "upgrade endcap: pip install --upgrade endcap"
        )
    manifest = Manifest(
        name=fields.text("name"),
        version=fields.integer("version", low=1),
        created=fields.text("created"),
        producer=fields.mapping("producer"),
        data=fields.mapping("data"),
        salt=_salt(fields),
        catalogue=_catalogue(fields.object("catalogue")) if "catalogue" in fields else None,
        users_file=fields.object("users").text("file") if "users" in fields else None,
        recommender=_recommender(fields.object("recommender")) if "recommender" in fields else None,
        generator=_generator(fields.object("generator")) if "generator" in fields else None,
        files={name: _file(name, record) for name, record in fields.named_objects("files")},
        raw=raw,
    )
    _check_whole(manifest, fields)
    return manifest


def _finite(text: str) -> float:
    """Read a number; Python's JSON would take NaN and 1e999, which JSON has not."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _check_whole(manifest: Manifest, fields: Fields) -> None:
    for path, key in manifest.referenced().items():
        check_path(path)
        if path not in manifest.files:
            raise fields.error(key, f"names {path!r}, which 'files' does not list")
    if manifest.recommender is None and manifest.generator is None:
        raise fields.error(None, "holds neither a recommender nor a generator")
    if manifest.recommender is not None:
        for key in ("catalogue", "users"):
            if key not in fields:
                raise fields.error(key, "is missing, and the recommender needs it")


def _salt(fields: Fields) -> bytes:
    text = fields.text("salt")
    try:
        salt = bytes.fromhex(text)
    except ValueError:
        salt = b""
    if not 1 <= len(salt) <= 64:
        raise fields.error("salt", f"must be 1 to 64 bytes in hexadecimal, not {text!r}")
    return salt


def _file(name: str, record: Fields) -> FileRecord:
    check_path(name)
    if name in UNLISTED:
        raise record.error(None, "must not be listed")
    digest = record.text("sha256")
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise record.error("sha256", f"must be 64 hexadecimal digits, not {digest!r}")
    return FileRecord(sha256=digest, bytes=record.integer("bytes"))


def _catalogue(fields: Fields) -> CatalogueSection:
    columns = []
    for column in fields.objects("columns"):
        kind = column.text("kind")
        if kind not in ("text", "label", "number"):
            raise column.error("kind", f"is {kind!r}; known: 'text', 'label', 'number'")
        columns.append((column.text("name"), kind))
    if ("item_id", "text") not in columns:
        raise fields.error("columns", "has no text column 'item_id'")
    return CatalogueSection(file=fields.text("file"), columns=tuple(columns))


def _tensors(fields: Fields, key: str) -> tuple[Tensor, ...]:
    tensors = []
    for tensor in fields.objects(key):
        shape = tensor.values.get("shape")
        if not isinstance(shape, list) or not all(type(axis) in (int, str) for axis in shape):
            raise tensor.error("shape", "must be a list of whole numbers and axis names")
        tensors.append(Tensor(tensor.text("name"), tensor.text("dtype"), tuple(shape)))
    return tuple(tensors)


def _variants(fields: Fields) -> dict[str, Variant]:
    variants = {
        name: Variant(
            name=name,
            file=variant.text("file"),
            bytes=variant.integer("bytes"),
            speedup=variant.number("speedup"),
            parity=variant.mapping("parity"),
            layers=variant.text("layers") if "layers" in variant else None,
        )
        for name, variant in fields.named_objects("variants")
    }
    if not variants:
        raise fields.error("variants", "is empty")
    return variants


def _shared(fields: Fields) -> dict[str, Any]:
    variants = _variants(fields)
    default = fields.text_mapping("default")
    for provider in ("cpu", "cuda"):
        if default.get(provider) not in variants:
            raise fields.error(f"default.{provider}", "must name one of the variants")
    return {
        "inputs": _tensors(fields, "inputs"),
        "outputs": _tensors(fields, "outputs"),
        "golden": fields.text("golden"),
        "layers": fields.text("layers") if "layers" in fields else None,
        "variants": variants,
        "default": default,
        "refused": fields.text_mapping("refused"),
        "metrics": fields.mapping("metrics"),
    }


def _recommender(fields: Fields) -> RecommenderSection:
    return RecommenderSection(
        **_shared(fields),
        arch=fields.text("arch"),
        n_items=fields.integer("n_items", low=1),
        n_users=fields.integer("n_users"),
        max_basket=fields.integer("max_basket", low=1),
        top_k=fields.integer("top_k", low=1),
        seen_filter=fields.boolean("seen_filter"),
        evaluation=fields.mapping("evaluation"),
    )


def _generator(fields: Fields) -> GeneratorSection:
    categories = fields.texts("categories")
    if not categories:
        raise fields.error("categories", "is empty")
    return GeneratorSection(
        **_shared(fields),
        categories=categories,
        z_dim=fields.integer("z_dim", low=1),
        image_size=fields.integer("image_size", low=1),
        channels=fields.integer("channels", low=1),
        evaluation=fields.mapping("evaluation") if "evaluation" in fields else {},
    )
