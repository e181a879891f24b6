"""A peer: MLServer around the bundle's own graph, in one process, as its documentation has it.

``python -m benchmarks.serving.mlserver_app BUNDLE --port P`` serves POST /v2/models/shop/infer, in
an environment that has MLServer (make serving-bench makes it). The request is a tensor of item ids,
the answer tensors of ids, titles and scores.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path

import click
from mlserver import MLModel
from mlserver.cli.main import root as mlserver
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.serving.plain_answers import ours
from runtime.store import load

_MODEL, _K = "shop", 10


class Shop(MLModel):  # type: ignore[misc]
    """The bundle's recommender."""

    async def load(self) -> bool:
        """Open the bundle."""
        store = load(self.settings.parameters.uri, "cpu")
        self._answer = ours(store)
        catalogue = store.catalogue
        rows = range(1, catalogue.n_items + 1)
        self._shown = [(catalogue.item_id(row), catalogue.title(row)) for row in rows]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer the basket in the first tensor."""
        basket = StringCodec.decode_input(payload.inputs[0])
        rows, scores = self._answer(basket, _K)
        shown = [self._shown[row - 1] for row in rows]
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                StringCodec.encode_output("item_id", [item_id for item_id, _ in shown]),
                StringCodec.encode_output("title", [title for _, title in shown]),
                NumpyCodec.encode_output("score", scores),
            ],
        )


def settings(bundle: str, port: int) -> dict[str, dict[str, object]]:
    """Return MLServer's files by name: one process, no access log, HTTP alone that is asked."""
    model = {
        "name": _MODEL,
        "implementation": "benchmarks.serving.mlserver_app.Shop",
        "parameters": {"uri": str(Path(bundle).resolve())},
    }
    server = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": 0, "metrics_endpoint": None,
        "parallel_workers": 0, "debug": False,
    }  # fmt: skip
    return {"model-settings.json": model, "settings.json": server}


@click.command()
@click.argument("bundle")
@click.option("--port", type=int, required=True)
def main(bundle: str, port: int) -> None:
    """Serve."""
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / _MODEL
        folder.mkdir()
        for file, content in settings(bundle, port).items():
            (folder / file).write_text(json.dumps(content), "utf-8")
        mlserver(["start", str(folder)])


if __name__ == "__main__":
    main()
