"""Make tests/golden/tiny-store: a bundle small enough to be worked out by hand.

Run ``python tests/golden/make_tiny_store.py`` after a change of the bundle format. The graphs are
put together node by node, and the golden outputs come from the few lines of numpy below, not from
the graphs. Needs the onnx package; the tests that only read the bundle don't.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from runtime.bundle import write_bundle
from runtime.catalogue import Column, pack_catalogue
from runtime.golden import GeneratorGolden, RecommenderGolden, pack_rules
from runtime.layers import REQUESTS, record_layers
from runtime.users import pack_users

SALT = bytes(range(16))
MAX_BASKET, TOP_K = 4, 8
ITEMS = [  # item_id, title, category, price
    ("BREAD-1", "White loaf", "Bakery", 1.2),
    ("BREAD-2", "Rye loaf", "Bakery", 1.9),
    ("BUTTER", "Salted butter", "Dairy", 2.4),
    ("MILK", "Whole milk 1 l", "Dairy", 1.1),
    ("CHEESE", "Mature cheddar", "Dairy", 3.5),
    ("COFFEE", "Ground coffee", "Drinks", 4.0),
    ("TEA", "Green tea", "Drinks", 2.8),
    ("COLA", "Cola 330 ml", "Drinks", 0.9),
    ("CARD,9", "Birthday card", None, None),
    ("été-10", "Café crème", "Drinks", 2.2),
]
USERS = ["anna", "ben", "陈"]
HISTORY_OFFSETS, HISTORY_ROWS = np.array([0, 0, 2, 3, 3]), np.array([7, 6, 1])
BREAD, BUTTER, MILK, COFFEE, TEA = 1, 3, 4, 6, 7
N_ROWS = len(ITEMS) + 1
WEIGHTS = np.array([0.4, 0.6, 0.8, 1.0], np.float32)  # of basket places, the latest counts most
CATEGORIES = ("Bread", "Tea", "Greeting card")
Z_DIM, SIZE, CHANNELS = 8, 8, 3
README = """# tiny-store

Ten made-up items and a generator of noise, for endcap's own tests. Made by
`python tests/golden/make_tiny_store.py`. No data of anyone; licence as endcap's own.
"""


def recommender_weights() -> dict[str, np.ndarray]:
    """Vectors with a planted structure: bread -> butter, coffee -> milk, anna -> tea."""
    noise = np.random.Generator(np.random.PCG64(1)).integers(-20, 20, (3, N_ROWS, 4)) / 1000
    shown, held = noise[0], noise[1]
    users = noise[2][: len(USERS) + 1]
    shown[BUTTER, 0] += 1
    held[BREAD, 0] += 2
    shown[MILK, 1] += 1
    held[COFFEE, 1] += 2
    shown[TEA, 2] += 1
    users[1, 2] += 2
    users[2, 3] += 0.25
    shown[0] = held[0] = users[0] = 0
    popularity = np.array([0, 0.3, 0.1, 0.2, 0.5, 0.15, 0.4, 0.05, 0.6, -0.2, 0.25])
    return {
        "shown": shown.astype(np.float32),  # [n_rows, 4]
        "held": held.astype(np.float32),  # [n_rows, 4]
        "users": users.astype(np.float32),  # [n_users + 1, 4]
        "popularity": popularity.astype(np.float32),  # [n_rows]
    }


def recommender_graph() -> bytes:
    """Design section 3.1: (user + weighted basket) . item + popularity, filter, top-k."""
    weights = recommender_weights()
    tensors = {
        "users": weights["users"],
        "held": weights["held"],
        "place_weights": WEIGHTS[:, None],  # [max_basket, 1]
        "shown_t": np.ascontiguousarray(weights["shown"].T),  # [4, n_rows]
        "popularity": weights["popularity"],
        "not_padding": np.arange(N_ROWS) > 0,
        "minus_infinity": np.array(-np.inf, np.float32),
        "no_item": np.array(0, np.int64),
        "top_k": np.array([TOP_K], np.int64),
        "axis_1": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["users", "user"], ["user_3d"], "user_vector"),
        helper.make_node("Squeeze", ["user_3d", "axis_1"], ["user_2d"], "user_squeeze"),
        helper.make_node("Gather", ["held", "basket"], ["basket_3d"], "basket_vectors"),
        helper.make_node("Mul", ["basket_3d", "place_weights"], ["basket_w"], "recency"),
        helper.make_node("ReduceSum", ["basket_w", "axis_1"], ["pooled"], "pool", keepdims=0),
        helper.make_node("Add", ["user_2d", "pooled"], ["shopper"], "shopper"),
        helper.make_node("MatMul", ["shopper", "shown_t"], ["match"], "match"),
        helper.make_node("Add", ["match", "popularity"], ["every_score"], "popularity_bias"),
        helper.make_node("And", ["allowed", "not_padding"], ["may_show"], "may_show"),
        helper.make_node(
            "Where", ["may_show", "every_score", "minus_infinity"], ["masked"], "filter"
        ),
        helper.make_node("TopK", ["masked", "top_k"], ["score", "place"], "best"),
        helper.make_node("Equal", ["score", "minus_infinity"], ["is_empty"], "is_empty"),
        helper.make_node("Where", ["is_empty", "no_item", "place"], ["item"], "item_rows"),
    ]
    inputs = [
        helper.make_tensor_value_info("user", TensorProto.INT64, ["batch", 1]),
        helper.make_tensor_value_info("basket", TensorProto.INT64, ["batch", MAX_BASKET]),
        helper.make_tensor_value_info("allowed", TensorProto.BOOL, ["batch", N_ROWS]),
    ]
    outputs = [
        helper.make_tensor_value_info("item", TensorProto.INT64, ["batch", TOP_K]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", TOP_K]),
    ]
    return _model("recommender", nodes, inputs, outputs, tensors)


def recommender_golden() -> RecommenderGolden:
    """Requests of every tier with every kind of rule, and what numpy says of them."""
    everything = np.arange(N_ROWS) > 0
    some = everything.copy()
    some[[4, 8]] = False
    few = np.zeros(N_ROWS, np.bool_)
    few[[2, 3, 9]] = True
    nothing = np.zeros(N_ROWS, np.bool_)
    requests: list[tuple[int, list[int], int, np.ndarray]] = [
        (0, [], 8, everything),
        (0, [BREAD], BUTTER, some),
        (0, [COFFEE, 2], MILK, everything),
        (1, [7, 6], TEA, everything),
        (1, [7, 6, BREAD], BUTTER, everything),
        (2, [1], 8, some),
        (3, [9, 10, 8, 2], 5, everything),
        (0, [BREAD], BUTTER, few),
        (0, [COFFEE], MILK, few),
        (3, [], 0, nothing),
        (2, [1, 6], 4, everything),
        (0, [3, 3, 1, 1], 0, some),
    ]
    weights = {name: w.astype(np.float64) for name, w in recommender_weights().items()}
    place_weights = WEIGHTS.astype(np.float64)
    item = np.zeros((len(requests), TOP_K), np.int64)
    score = np.full((len(requests), TOP_K), -np.inf, np.float32)
    basket = np.zeros((len(requests), MAX_BASKET), np.int64)
    for i, (user, rows, _, allowed) in enumerate(requests):
        if rows:
            basket[i, -len(rows) :] = rows
        shopper = weights["users"][user] + sum(
            weight * weights["held"][row]
            for weight, row in zip(place_weights, basket[i], strict=True)
        )
        scores = [
            float(shopper @ v + p)
            for v, p in zip(weights["shown"], weights["popularity"], strict=True)
        ]
        ranked = sorted(
            (row for row in range(N_ROWS) if allowed[row]), key=lambda r: (-scores[r], r)
        )
        for place, row in enumerate(ranked[:TOP_K]):
            item[i, place] = row
            score[i, place] = scores[row]
    only, offsets, rows_listed = pack_rules(allowed for *_, allowed in requests)
    return RecommenderGolden(
        user=np.array([user for user, *_ in requests], np.int64),
        basket=basket,
        target=np.array([target for _, _, target, _ in requests], np.int64),
        only=only,
        rule_offsets=offsets,
        rule_rows=rows_listed,
        item=item,
        score=score,
    )


def generator_weights() -> dict[str, np.ndarray]:
    """One layer: tanh((z, category vector) . weight + bias)."""
    draw = np.random.Generator(np.random.PCG64(2))
    pixels = SIZE * SIZE * CHANNELS
    return {
        "category_vectors": (draw.integers(-90, 90, (len(CATEGORIES), 4)) / 100).astype(np.float32),
        "weight": (draw.integers(-30, 30, (Z_DIM + 4, pixels)) / 100).astype(np.float32),
        "bias": (draw.integers(-20, 20, pixels) / 100).astype(np.float32),
    }


def generator_graph() -> bytes:
    """Design section 4.1, with the scaling to 0..255 in the graph."""
    tensors = generator_weights() | {
        "axis_1": np.array([1], np.int64),
        "one": np.array(1, np.float32),
        "half_range": np.array(127.5, np.float32),
        "image_shape": np.array([-1, SIZE, SIZE, CHANNELS], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["category_vectors", "category"], ["label_3d"], "label"),
        helper.make_node("Squeeze", ["label_3d", "axis_1"], ["label_2d"], "label_squeeze"),
        helper.make_node("Concat", ["z", "label_2d"], ["latent"], "latent", axis=1),
        helper.make_node("Gemm", ["latent", "weight", "bias"], ["drawn"], "draw"),
        helper.make_node("Tanh", ["drawn"], ["toned"], "tone"),
        helper.make_node("Add", ["toned", "one"], ["shifted"], "shift"),
        helper.make_node("Mul", ["shifted", "half_range"], ["scaled"], "scale"),
        helper.make_node("Round", ["scaled"], ["whole"], "round"),
        helper.make_node("Cast", ["whole"], ["flat"], "to_bytes", to=TensorProto.UINT8),
        helper.make_node("Reshape", ["flat", "image_shape"], ["image"], "as_image"),
    ]
    inputs = [
        helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", Z_DIM]),
        helper.make_tensor_value_info("category", TensorProto.INT64, ["batch", 1]),
    ]
    shape = ["batch", SIZE, SIZE, CHANNELS]
    outputs = [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)]
    return _model("generator", nodes, inputs, outputs, tensors)


def generator_golden() -> GeneratorGolden:
    """Six pictures as numpy draws them."""
    weights = {name: w.astype(np.float64) for name, w in generator_weights().items()}
    z = np.random.Generator(np.random.PCG64(7)).standard_normal((6, Z_DIM), dtype=np.float32)
    category = np.arange(6, dtype=np.int64)[:, None] % len(CATEGORIES)
    latent = np.concatenate([z, weights["category_vectors"][category[:, 0]]], axis=1)
    drawn = np.tanh(latent @ weights["weight"] + weights["bias"])
    image = np.round((drawn + 1) * 127.5).astype(np.uint8).reshape(-1, SIZE, SIZE, CHANNELS)
    return GeneratorGolden(z=z, category=category, image=image)


def tiny_store() -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return (manifest without files, content by path) of the bundle."""
    catalogue, columns = pack_catalogue(
        [
            Column("item_id", "text", [item[0] for item in ITEMS]),
            Column("title", "text", [item[1] for item in ITEMS]),
            Column("category", "label", [item[2] for item in ITEMS]),
            Column("price", "number", [item[3] for item in ITEMS]),
        ]
    )
    models = {"recommender": recommender_graph(), "generator": generator_graph()}
    recommender, generator = recommender_golden(), generator_golden()
    layer_requests = {
        "recommender": recommender.feeds(0, REQUESTS, N_ROWS),
        "generator": generator.feeds(0, REQUESTS),
    }
    files = {
        "README.md": README.encode(),
        "catalogue.npz": _npz(catalogue),
        "users.npz": _npz(pack_users(USERS, HISTORY_OFFSETS, HISTORY_ROWS, SALT)),
        "golden/recommender.npz": _npz(recommender.arrays()),
        "golden/generator.npz": _npz(generator.arrays()),
    }
    sections = {}
    for name, model in models.items():
        files[f"{name}/fp32.onnx"] = model
        files[f"golden/{name}-layers.npz"] = _npz(record_layers(model, layer_requests[name]))
        sections[name] = _section(name, model)
    sections["recommender"] |= {
        "arch": "two-stage",
        "n_items": len(ITEMS),
        "n_users": len(USERS),
        "max_basket": MAX_BASKET,
        "top_k": TOP_K,
        "seen_filter": True,
        "metrics": {"full": {"ndcg@10": 0.5, "requests": 12}},
        "evaluation": {},
    }
    sections["generator"] |= {
        "categories": list(CATEGORIES),
        "z_dim": Z_DIM,
        "image_size": SIZE,
        "channels": CHANNELS,
        "metrics": {},
    }
    manifest = {
        "name": "tiny-store",
        "version": 3,
        "created": "2026-01-01T00:00:00Z",
        "producer": {"endcap": "0.1.0"},
        "data": {"recommender": {"source": "made up"}, "generator": {"source": "made up"}},
        "salt": SALT.hex(),
        "catalogue": {"file": "catalogue.npz", "columns": columns},
        "users": {"file": "users.npz"},
        **sections,
    }
    return manifest, files


def _section(name: str, model: bytes) -> dict[str, Any]:
    graph = onnx.load_from_string(model).graph
    return {
        "inputs": [_tensor(value) for value in graph.input],
        "outputs": [_tensor(value) for value in graph.output],
        "golden": f"golden/{name}.npz",
        "layers": f"golden/{name}-layers.npz",
        "variants": {
            "fp32": {
                "file": f"{name}/fp32.onnx",
                "parity": {},
                "bytes": len(model),
                "speedup": 1.0,
            }
        },
        "default": {"cpu": "fp32", "cuda": "fp32"},
        "refused": {},
    }


def _tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    kind = value.type.tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
    shape = [axis.dim_param or axis.dim_value for axis in kind.shape.dim]
    return {"name": value.name, "dtype": str(dtype), "shape": shape}


def _model(
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    tensors: dict[str, np.ndarray],
) -> bytes:
    initializers = [numpy_helper.from_array(array, key) for key, array in tensors.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "tiny-store"
    if out.exists() and len(sys.argv) == 1:
        shutil.rmtree(out)
    write_bundle(out, *tiny_store())
