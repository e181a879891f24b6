"""The stock Triton client, against a server started as a user would.

What the tensors must hold comes from the golden vectors of the bundle, which numpy made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from runtime.bundle import open_bundle
from runtime.golden import GeneratorGolden, RecommenderGolden
from tests.serve.served import TINY, Started, started

Client = triton.InferenceServerClient
BUNDLE = open_bundle(TINY)
ASKED = RecommenderGolden.from_arrays(BUNDLE.arrays("golden/recommender.npz"), "golden")
DRAWN = GeneratorGolden.from_arrays(BUNDLE.arrays("golden/generator.npz"), "golden")
FEEDS = ASKED.feeds(0, len(ASKED), 11)


@pytest.fixture(scope="module")
def server() -> Iterator[Started]:
    with started(TINY) as process:
        yield process


@pytest.fixture
def client(server: Started) -> Iterator[Client]:
    with Client(server.address) as made:
        yield made


def inputs(feeds: dict[str, np.ndarray], binary: bool) -> list[triton.InferInput]:
    types = {"int64": "INT64", "bool": "BOOL", "float32": "FP32"}
    made = []
    for name, values in feeds.items():
        one = triton.InferInput(name, list(values.shape), types[values.dtype.name])
        one.set_data_from_numpy(values, binary_data=binary)
        made.append(one)
    return made


def outputs(*names: str, binary: bool) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def test_health(client: Client) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("recommender")
    assert client.is_model_ready("recommender", "3")
    assert client.is_model_ready("generator")
    assert not client.is_model_ready("recommender", "4")
    assert not client.is_model_ready("nothing")


def test_metadata(client: Client) -> None:
    server = client.get_server_metadata()
    assert server["name"] == "endcap"
    assert "binary_tensor_data" in server["extensions"]
    assert client.get_model_metadata("recommender") == {
        "name": "recommender",
        "versions": ["3"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "user", "datatype": "INT64", "shape": [-1, 1]},
            {"name": "basket", "datatype": "INT64", "shape": [-1, 4]},
            {"name": "allowed", "datatype": "BOOL", "shape": [-1, 11]},
        ],
        "outputs": [
            {"name": "item", "datatype": "INT64", "shape": [-1, 8]},
            {"name": "score", "datatype": "FP32", "shape": [-1, 8]},
        ],
    }
    drawn = client.get_model_metadata("generator", "3")["outputs"]
    assert drawn == [{"name": "image", "datatype": "UINT8", "shape": [-1, 8, 8, 3]}]
    config = client.get_model_config("recommender", "3")
    assert config["max_batch_size"] == 256
    assert config["input"][2] == {"name": "allowed", "data_type": "TYPE_BOOL", "dims": [11]}
    assert [one["name"] for one in client.get_model_repository_index()] == [
        "recommender", "generator",
    ]  # fmt: skip


def test_statistics(client: Client) -> None:
    client.infer("generator", inputs(DRAWN.feeds(0, 3), True))
    (one,) = client.get_inference_statistics("generator", "3")["model_stats"]
    assert (one["name"], one["version"]) == ("generator", "3")
    assert one["inference_count"] >= 3
    assert one["inference_stats"]["success"]["count"] >= 1
    assert one["inference_stats"]["success"]["ns"] > 0
    names = [one["name"] for one in client.get_inference_statistics()["model_stats"]]
    assert names == ["recommender", "generator"]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_recommender(client: Client, binary_in: bool, binary_out: bool) -> None:
    result = client.infer(
        "recommender",
        inputs(FEEDS, binary_in),
        outputs=outputs("score", "item", binary=binary_out),
        request_id="till 7",
    )
    np.testing.assert_array_equal(result.as_numpy("item"), ASKED.item)
    np.testing.assert_allclose(result.as_numpy("score"), ASKED.score, atol=1e-5)
    assert np.isneginf(result.as_numpy("score")).any()
    told = result.get_response()
    assert (told["id"], told["model_name"], told["model_version"]) == ("till 7", "recommender", "3")
    assert [one["name"] for one in told["outputs"]] == ["score", "item"]
    assert told["parameters"] == {
        "variant": "fp32", "provider": "cpu", "requested_provider": "auto",
    }  # fmt: skip


@pytest.mark.parametrize("binary", [True, False])
def test_generator(client: Client, binary: bool) -> None:
    """More pictures than one run of the graph draws."""
    z, category = np.tile(DRAWN.z, (4, 1)), np.tile(DRAWN.category, (4, 1))
    result = client.infer(
        "generator",
        inputs({"z": z, "category": category}, binary),
        model_version="3",
        outputs=outputs("image", binary=binary),
    )
    difference = result.as_numpy("image").astype(int) - np.tile(DRAWN.image, (4, 1, 1, 1))
    assert np.abs(difference).max() <= 1


def test_outputs_that_were_not_asked_for_come_in_binary(client: Client) -> None:
    result = client.infer("recommender", inputs(FEEDS, True))
    assert [one["name"] for one in result.get_response()["outputs"]] == ["item", "score"]
    assert all("data" not in one for one in result.get_response()["outputs"])
    np.testing.assert_array_equal(result.as_numpy("item"), ASKED.item)


def test_mixed_in_and_out(client: Client) -> None:
    binary, text = inputs(FEEDS, True), inputs(FEEDS, False)
    result = client.infer(
        "recommender",
        [text[0], binary[1], text[2]],
        outputs=[*outputs("item", binary=False), *outputs("score", binary=True)],
    )
    np.testing.assert_array_equal(result.as_numpy("item"), ASKED.item)
    np.testing.assert_allclose(result.as_numpy("score"), ASKED.score, atol=1e-5)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed(client: Client, algorithm: str) -> None:
    many = {name: np.tile(values, (20, 1)) for name, values in FEEDS.items()}
    result = client.infer(
        "recommender",
        inputs(many, True),
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_array_equal(result.as_numpy("item"), np.tile(ASKED.item, (20, 1)))


def test_async(client: Client) -> None:
    asked = [client.async_infer("recommender", inputs(FEEDS, True)) for _ in range(8)]
    for one in asked:
        np.testing.assert_array_equal(one.get_result().as_numpy("item"), ASKED.item)


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"model": "nothing"}, "404", "unknown model 'nothing'"),
        ({"version": "9"}, "404", "model 'recommender' has no version '9'; it has '3'"),
        ({"without": "basket"}, "400", "input 'basket' is missing"),
        ({"user": np.zeros((12, 1), np.int64) - 1}, "400", "input 'user' holds -1"),
        ({"user": np.full((12, 1), 2**62)}, "400", "input 'user' holds 4611686018427387904"),
        ({"basket": np.full((12, 4), 11)}, "400", "input 'basket' holds 11; it must be from 0"),
        ({"user": np.zeros((12, 1), np.float32)}, "400", "input 'user' has datatype 'FP32'"),
        ({"basket": np.zeros((12, 5), np.int64)}, "400", "input 'basket' has shape [12, 5]"),
        ({"user": np.zeros(12, np.int64)}, "400", "input 'user' has shape [12]"),
        ({"user": np.zeros((1, 1), np.int64)}, "400", "the inputs have different batches"),
        ({"output": "items"}, "400", "model 'recommender' has no output 'items'; did you mean"),
        ({"extra": np.zeros((12, 1), np.int64)}, "400", "model 'recommender' has no input 'extra'"),
    ],
    ids=str,
)
@pytest.mark.parametrize("binary", [True, False])
def test_errors(
    client: Client, change: dict[str, Any], status: str, sentence: str, binary: bool
) -> None:
    special = {"model", "version", "without", "output"}
    feeds = FEEDS | {name: value for name, value in change.items() if name not in special}
    feeds = {name: value for name, value in feeds.items() if name != change.get("without")}
    with pytest.raises(InferenceServerException) as refused:
        client.infer(
            change.get("model", "recommender"),
            inputs(feeds, binary),
            model_version=change.get("version", ""),
            outputs=outputs(change.get("output", "item"), binary=True),
        )
    assert refused.value.status() == status
    assert refused.value.message().startswith(sentence)


def test_nan_is_refused(client: Client) -> None:
    feeds = DRAWN.feeds(0, 2)
    feeds["z"] = feeds["z"].copy()
    feeds["z"][1, 3] = np.nan
    with pytest.raises(InferenceServerException, match="input 'z' holds NaN or infinity"):
        client.infer("generator", inputs(feeds, True))
    with pytest.raises(InferenceServerException, match="not JSON"):
        client.infer("generator", inputs(feeds, False))


# --- what no client of Triton's would send


@pytest.fixture
def http(server: Started) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as made:
        yield made


def infer(http: httpx.Client, body: Any, **headers: str) -> tuple[int, str]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = http.post("/v2/models/recommender/infer", content=content, headers=headers)
    return said.status_code, said.json().get("error", "")


def tensors(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "inputs": [
            {"name": "user", "shape": [1, 1], "datatype": "INT64", "data": [0]},
            {"name": "basket", "shape": [1, 4], "datatype": "INT64", "data": [[0, 0, 0, 1]]},
            {"name": "allowed", "shape": [1, 11], "datatype": "BOOL", "data": [True] * 11},
        ]
    }
    for name, change in changes.items():
        next(one for one in body["inputs"] if one["name"] == name).update(change)
    return body


def test_json_flat_or_nested(http: httpx.Client) -> None:
    said = http.post("/v2/models/recommender/infer", json=tensors())
    assert said.status_code == 200
    assert said.headers["content-type"] == "application/json"
    assert [one["datatype"] for one in said.json()["outputs"]] == ["INT64", "FP32"]
    assert said.json()["outputs"][0]["shape"] == [1, 8]
    assert len(said.json()["outputs"][0]["data"]) == 8
    assert "id" not in said.json()
    again = http.post(
        "/v2/models/recommender/versions/3/infer", json=tensors(basket={"data": [0, 0, 0, 1]})
    )
    assert again.json()["outputs"] == said.json()["outputs"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"user": {"data": [0.5]}}, "input 'user' data[0]: expected 'int', got 'float'"),
        ({"user": {"data": [10**30]}}, "input 'user' holds a number beyond int64"),
        ({"user": {"data": [True]}}, "input 'user' data[0]: expected 'int', got 'bool'"),
        ({"user": {"data": 0}}, "input 'user' has 'data' nested 0 deep"),
        ({"user": {"data": "0"}}, "input 'user' has 'data' nested 0 deep"),
        ({"user": {"data": None}}, "input 'user' has 'data' nested 0 deep"),
        ({"user": {"data": [0, 0]}}, "input 'user' has 2 values; its shape [1, 1] needs 1"),
        ({"user": {"data": [[[0]]]}}, "input 'user' has 'data' nested 3 deep"),
        ({"basket": {"data": [[0, 0], [0, 1]]}}, "input 'basket' has 4 values"),
        ({"basket": {"data": [[0, 0, 0], [1]]}}, "input 'basket' has rows of different length"),
        ({"allowed": {"data": [1] * 11}}, "input 'allowed' data[0]: expected 'bool', got 'int'"),
        ({"user": {"shape": [0, 1], "data": []}}, "input 'user' has a batch of 0"),
        ({"user": {"shape": [257, 1]}}, "input 'user' has a batch of 257; it must be from 1"),
        ({"user": {"shape": [-1, 1]}}, "inputs[0].shape[0]: expected 'int' >= 0"),
        ({"user": {"shape": [1 << 50, 1]}}, "inputs[0].shape[0]: expected 'int' <="),
        ({"user": {"shape": "1"}}, "inputs[0].shape: expected 'array', got 'str'"),
        ({"user": {"datatype": "BYTES"}}, "input 'user' has datatype 'BYTES'"),
        ({"user": {"name": "item"}}, "model 'recommender' has no input 'item'"),
        ({"user": {"name": "basket"}}, "input 'basket'"),
        ({"user": {"parameters": {"binary_data_size": 8}}}, "input 'user' has both 'data' and"),
        ({"user": {"parameters": {"binary_data_size": -1}}}, "input 'user': binary_data_size is"),
        (
            {"user": {"parameters": {"shared_memory_region": "x"}}},
            "input 'user' lies in shared memory",
        ),
    ],
    ids=str,
)
def test_wrong_json(http: httpx.Client, changes: dict[str, Any], sentence: str) -> None:
    status, error = infer(http, tensors(**changes))
    assert (status, error[: len(sentence)]) == (400, sentence)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"inputs": []}, "input 'user' is missing"),
        ({"inputs": {}}, "inputs: expected 'array', got 'object'"),
        ({"id": 7}, "id: expected 'str', got 'int'"),
        ({"parameters": {"binary_data_output": 1}}, "parameters: binary_data_output is '1'"),
        ({"outputs": [{"name": "item"}, {"name": "item"}]}, "output 'item' is asked for twice"),
        (
            {"outputs": [{"name": "item", "parameters": {"binary_data": "yes"}}]},
            "output 'item': binary_data is 'yes'",
        ),
        (
            {"outputs": [{"name": "item", "parameters": {"classification": 3}}]},
            "output 'item' asks for 'classification'",
        ),
    ],
    ids=str,
)
def test_wrong_requests(http: httpx.Client, more: dict[str, Any], sentence: str) -> None:
    status, error = infer(http, tensors() | more)
    assert (status, error[: len(sentence)]) == (400, sentence)


def binary_body(user: bytes, size: int) -> tuple[bytes, int]:
    asked = tensors()
    del asked["inputs"][0]["data"]
    asked["inputs"][0]["parameters"] = {"binary_data_size": size}
    told = json.dumps(asked).encode()
    return told + user, len(told)


@pytest.mark.parametrize(
    ("user", "size", "header", "sentence"),
    [
        (b"\0" * 8, 8, None, ""),
        (b"\0" * 7, 8, None, "input 'user' has 7 bytes; shape [1, 1] needs 8"),
        (b"", 8, None, "input 'user' has 0 bytes"),
        (b"\0" * 9, 8, None, "the inputs take 8 bytes and 9 follow the JSON"),
        (b"\0" * 8, 4, None, "input 'user' has 4 bytes"),
        (b"\0" * 8, 10**18, None, "the inputs take 1000000000000000000 bytes and 8 follow"),
        (b"\0" * 8, 8, "0", "Inference-Header-Content-Length is '0'; it must be from 1"),
        (b"\0" * 8, 8, "-1", "Inference-Header-Content-Length is '-1'"),
        (b"\0" * 8, 8, "99999999", "Inference-Header-Content-Length is '99999999'"),
        (b"\0" * 8, 8, "9" * 400, "Inference-Header-Content-Length is '999"),
        (b"\0" * 8, 8, "ten", "Inference-Header-Content-Length is 'ten'"),
        (b"\0" * 8, 8, "12", "the body is not JSON"),
    ],
    ids=range(12),
)
def test_headers_that_lie(
    http: httpx.Client, user: bytes, size: int, header: str | None, sentence: str
) -> None:
    body, length = binary_body(user, size)
    headers = {"Inference-Header-Content-Length": header if header is not None else str(length)}
    status, error = infer(http, body, **headers)
    assert (status, error[: len(sentence)]) == (400 if sentence else 200, sentence)


def test_a_bool_is_one_bit(http: httpx.Client) -> None:
    asked = tensors()
    del asked["inputs"][2]["data"]
    asked["inputs"][2]["parameters"] = {"binary_data_size": 11}
    told = json.dumps(asked).encode()
    header = {"Inference-Header-Content-Length": str(len(told))}
    assert infer(http, told + b"\1" * 10 + b"\2", **header) == (
        400, "input 'allowed' holds the byte 2; a BOOL is 0 or 1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "body", "status", "sentence"),
    [
        ("gzip", b"{}", 400, "the body is not gzip"),
        ("br", b"{}", 415, "Content-Encoding is 'br'; known: gzip, deflate"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b", 400, "the body is not whole gzip data"),
    ],
)
def test_wrong_encodings(
    http: httpx.Client, encoding: str, body: bytes, status: int, sentence: str
) -> None:
    said, error = infer(http, body, **{"Content-Encoding": encoding})
    assert (said, error[: len(sentence)]) == (status, sentence)


def test_a_small_body_that_grows_is_refused(http: httpx.Client) -> None:
    import gzip

    bomb = gzip.compress(b" " * (33 << 20))
    status, error = infer(http, bomb, **{"Content-Encoding": "gzip"})
    assert (status, error) == (413, "the body is longer than 33554432 bytes")


def test_loading_by_request_is_refused(client: Client) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.load_model("recommender")
    assert refused.value.status() == "404"
