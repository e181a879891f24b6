"""The only place that imports onnxruntime: one graph, opened on a provider that is really there."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runtime.device import cpu_class, usable_cores
from runtime.errors import MissingCapability, UnusableInput, nearest
from runtime.onnx_weights import LARGE_BYTES, take_out_weights
from runtime.telemetry import TELEMETRY_OFF

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROVIDERS = ("cpu", "cuda", "auto")
_ORT_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_NO_CUDA = "provider 'cuda' is not available on this machine{}; pip install 'endcap[gpu]'"
_MAX_DEFAULT_THREADS = 4  # a till has other work to do
MAX_THREADS = 256


class Session:
    """One graph ready to run; safe to call from several threads.

    Attributes:
        provider: where it really runs, "cpu" or "cuda".
        input_names: the graph's inputs, in order.
        output_names: the graph's outputs, in order.
    """

    def __init__(self, inner: Any, provider: str) -> None:
        self._inner = inner
        self.provider = provider
        self.input_names = tuple(tensor.name for tensor in inner.get_inputs())
        self.output_names = tuple(tensor.name for tensor in inner.get_outputs())

    def run(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None
    ) -> list[NDArray[Any]]:
        """Run the graph on ``feeds`` and return ``outputs`` (default: all) in that order.

        Raises:
            UnusableInput: onnxruntime refuses the inputs or fails in a node.
        """
        try:
            return list(self._inner.run(outputs, dict(feeds)))
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise UnusableInput(
                f"onnxruntime cannot run the graph: {_first_line(error)}; export the bundle again"
            ) from error


def open_session(
    model: bytes, provider: str = "auto", threads: int | None = None, *, optimise: bool = True
) -> Session:
    """Open the ONNX model whose bytes are ``model``.

    Args:
        model: the file's content.
        provider: "cpu", "cuda", or "auto" (CUDA where it is available, else the CPU).
        threads: threads for one run; None for one a core, at most 4. They never spin.
        optimise: False runs the nodes exactly as the file has them.

    Raises:
        MissingCapability: onnxruntime is not installed, or CUDA was asked for and not obtained.
        UnusableInput: onnxruntime cannot run the model, or an argument is out of range.
    """
    wanted = resolve_provider(provider)
    ort = _onnxruntime()
    if wanted == "cuda" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # finds the CUDA libraries that pip installed
    names = [_ORT_NAMES[wanted]] + ([_ORT_NAMES["cpu"]] if wanted == "cuda" else [])
    inner = _opened(ort, model, _options(ort, threads, optimise=optimise), names)
    if _ORT_NAMES[wanted] not in inner.get_providers():
        raise MissingCapability(_NO_CUDA.format(": onnxruntime fell back to the CPU"))
    if len(model) >= LARGE_BYTES:
        _give_memory_back()
    return Session(inner, wanted)


def _options(ort: Any, threads: int | None, *, optimise: bool) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = thread_count(threads)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if _adds_in_16_bits():
        options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _opened(ort: Any, model: bytes, options: Any, providers: Sequence[str]) -> Any:
    """Return onnxruntime's own session, which holds none of the bytes of ``model``."""
    small, weights = take_out_weights(model)
    if weights:
        values = [ort.OrtValue.ortvalue_from_numpy(weight) for weight in weights.values()]
        options.add_external_initializers(list(weights), values)  # copies them
    try:
        inner = ort.InferenceSession(small, options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise UnusableInput(
            f"onnxruntime {ort.__version__} cannot open the graph: {_first_line(error)}; "
            "upgrade onnxruntime or export the bundle again"
        ) from error
    # Its wrapper keeps the bytes to open them again on another provider, which would happen
    # silently and is not wanted.
    inner.disable_fallback()
    if hasattr(inner, "_model_bytes"):
        inner._model_bytes = None
    return inner


def resolve_provider(provider: str) -> str:
    """Turn "auto" into "cuda" or "cpu", and make sure that a named provider is available.

    Raises:
        UnusableInput: ``provider`` is not one of "cpu", "cuda", "auto".
        MissingCapability: onnxruntime is missing, or has no CUDA when "cuda" was asked for.
    """
    if provider not in PROVIDERS:
        raise UnusableInput(f"unknown provider {provider!r}; {nearest(provider, PROVIDERS)}")
    has_cuda = _ORT_NAMES["cuda"] in available_providers()
    if provider == "cuda" and not has_cuda:
        raise MissingCapability(_NO_CUDA.format(": this onnxruntime has none"))
    if provider == "auto":
        return "cuda" if has_cuda else "cpu"
    return provider


def available_providers() -> tuple[str, ...]:
    """Return the names of the execution providers that the installed onnxruntime offers."""
    return tuple(_onnxruntime().get_available_providers())


def runtime_version() -> str:
    """Return the version of the installed onnxruntime."""
    return str(_onnxruntime().__version__)


def thread_count(threads: int | None) -> int:
    """Return how many threads a run gets: ``threads``, or where None one a core, at most 4.

    Raises:
        UnusableInput: ``threads`` is out of range.
    """
    if threads is None:
        return min(_MAX_DEFAULT_THREADS, usable_cores())
    if not 1 <= threads <= MAX_THREADS:  # onnxruntime dies of more than the system can start
        raise UnusableInput(f"threads is {threads}; it must be from 1 to {MAX_THREADS}")
    return threads


def _onnxruntime() -> Any:
    for name, value in TELEMETRY_OFF.items():  # it is read once, while onnxruntime is imported
        os.environ.setdefault(name, value)
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingCapability(
            f"onnxruntime is not usable here ({error}); pip install 'endcap[cpu]'"
        ) from error
    if not hasattr(ort, "InferenceSession"):
        raise MissingCapability(
            "onnxruntime is only half installed (onnxruntime and onnxruntime-gpu overwrite each "
            "other); pip uninstall -y onnxruntime onnxruntime-gpu, then pip install 'endcap[cpu]'"
        )
    return ort


def _give_memory_back() -> None:
    """Hand to the system what glibc keeps of the memory that was freed while the graph opened."""
    if sys.platform != "linux":
        return
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)


@functools.cache
def _adds_in_16_bits() -> bool:
    """Whether int8 products may be added in 16 bits, which saturate, unless they are made uint8's.

    x86-64 without VNNI does so; where it is not known, the slower and exact way is taken.
    """
    return not cpu_class().has_int8_dot_products


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
