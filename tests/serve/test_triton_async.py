"""Triton's client in its other forms: asyncio, many connections, and all a request may carry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

from tests.serve.served import PATIENCE_S, TINY, Started, started
from tests.serve.test_triton_client import ASKED, DRAWN, FEEDS, inputs, outputs

HEADER = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def server() -> Iterator[Started]:
    with started(TINY) as process:
        yield process


def test_asyncio(server: Started) -> None:
    async def ask() -> None:
        async with triton_aio.InferenceServerClient(server.address) as client:
            assert await client.is_server_live()
            assert await client.is_server_ready()
            assert await client.is_model_ready("generator", "3")
            assert not await client.is_model_ready("generator", "1")
            metadata = await client.get_model_metadata("recommender")
            assert [one["name"] for one in metadata["inputs"]] == ["user", "basket", "allowed"]
            asked = [
                client.infer("recommender", inputs(FEEDS, n % 2 == 0), request_id=str(n))
                for n in range(12)
            ]
            for n, result in enumerate(await asyncio.gather(*asked)):
                np.testing.assert_array_equal(result.as_numpy("item"), ASKED.item)
                assert result.get_response()["id"] == str(n)
            with pytest.raises(InferenceServerException, match="input 'basket' is missing"):
                await client.infer("recommender", inputs(FEEDS, True)[:1])

    asyncio.run(ask())


def test_several_connections(server: Started) -> None:
    with triton.InferenceServerClient(server.address, concurrency=8) as client:
        three = DRAWN.feeds(0, 3)
        asked = [client.async_infer("generator", inputs(three, True)) for _ in range(24)]
        for one in asked:
            image = one.get_result().as_numpy("image")
            assert np.abs(image.astype(int) - DRAWN.image[:3]).max() <= 1


def test_what_a_request_may_carry(server: Started) -> None:
    """Sequence, priority, timeout and parameters of one's own change nothing and are no error."""
    with triton.InferenceServerClient(server.address) as client:
        result = client.infer(
            "recommender",
            inputs(FEEDS, True),
            outputs=outputs("item", binary=True),
            sequence_id=7,
            sequence_start=True,
            sequence_end=True,
            priority=1,
            timeout=1_000_000,
            headers={"X-Till": "7"},
            parameters={"till": "7"},
        )
        np.testing.assert_array_equal(result.as_numpy("item"), ASKED.item)
        assert result.as_numpy("score") is None


def test_bodies_made_and_read_by_hand(server: Started) -> None:
    """What the client offers to those who send requests themselves."""
    body, json_size = triton.InferenceServerClient.generate_request_body(
        inputs(FEEDS, True), outputs=outputs("item", "score", binary=True)
    )
    said = httpx.post(
        f"{server.url}/v2/models/recommender/infer",
        content=body,
        headers={HEADER: str(json_size)},
        timeout=PATIENCE_S,
    )
    result = triton.InferenceServerClient.parse_response_body(
        said.content, header_length=int(said.headers[HEADER])
    )
    np.testing.assert_array_equal(result.as_numpy("item"), ASKED.item)
