"""What this machine can run: versions, providers, CPU flags, and which variant would run, why."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.device import CpuClass, cpu_class, processor, usable_cores
from runtime.probe import CUDA, cuda_failure, probe_onnxruntime
from runtime.provider import NO_CUDA_OFFERED, Provider
from runtime.version import __version__

if TYPE_CHECKING:
    from runtime.bundle import Bundle
    from runtime.variant_choice import Pick

_ORT_PACKAGES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")
_SERVING = ("starlette", "uvicorn", "httptools", "uvloop", "msgspec", "prometheus-client")


@dataclass(frozen=True)
class Choice:
    """Which variant of a model ``auto`` takes here, and what it would take elsewhere.

    Attributes:
        model: "recommender" or "generator".
        variant: the variant's name.
        provider: "cpu" or "cuda".
        why: the reason, as a phrase.
        picks: what it takes on each provider and class of CPU.
        variants: size in bytes and speed beside fp32 of what the bundle holds.
        refused: why a variant that was tried at export was not kept.
    """

    model: str
    variant: str
    provider: str
    why: str
    picks: tuple[Pick, ...]
    variants: Mapping[str, dict[str, float]]
    refused: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the model's entry in ``endcap doctor BUNDLE --json``."""
        return {
            "variant": self.variant,
            "provider": self.provider,
            "why": self.why,
            "picks": [
                {
                    "provider": pick.provider,
                    "cpu_classes": list(pick.cpu_classes),
                    "variant": pick.variant,
                    "why": pick.why,
                }
                for pick in self.picks
            ],
            "variants": self.variants,
            "refused": self.refused,
        }


@dataclass(frozen=True)
class Diagnosis:
    """What was found on this machine.

    Attributes:
        python: version of Python.
        system: operating system and machine type.
        cpu: the processor's own name.
        cpu_flags: those of its flags that decide how fast a variant is; empty where unknown.
        cpu_class: the class of CPUs that it computes int8 like.
        cores: cores this process may use.
        packages: installed packages that matter, with versions.
        onnxruntime: its version, None where it cannot be imported.
        providers: what it offers.
        cuda_failure: why CUDA, which it offers, does not run a graph here; None where it does, or
            is not offered.
        problems: one sentence each, with the way out.
    """

    python: str
    system: str
    cpu: str
    cpu_flags: tuple[str, ...]
    cpu_class: CpuClass
    cores: int
    packages: dict[str, str]
    onnxruntime: str | None
    providers: tuple[str, ...]
    cuda_failure: str | None
    problems: tuple[str, ...]

    @property
    def has_cuda(self) -> bool:
        """Whether graphs run on CUDA here."""
        return CUDA in self.providers and self.cuda_failure is None

    @property
    def auto(self) -> Provider:
        """Where ``--provider auto`` runs here, and why not on CUDA where it does not."""
        if self.has_cuda:
            return Provider("auto", "cuda")
        if self.cuda_failure is not None:
            return Provider("auto", "cpu", f"CUDA does not work: {self.cuda_failure}", failed=True)
        return Provider("auto", "cpu", NO_CUDA_OFFERED)

    def to_json(self) -> dict[str, Any]:
        """Return the machine's part of ``endcap doctor --json``."""
        return {
            "endcap": __version__,
            "python": self.python,
            "system": self.system,
            "cpu": {
                "name": self.cpu,
                "flags": list(self.cpu_flags),
                "class": self.cpu_class.name,
                "cores": self.cores,
            },
            "packages": self.packages,
            "onnxruntime": self.onnxruntime,
            "providers": list(self.providers),
            "auto": self.auto.to_json(),
            "cuda_failure": self.cuda_failure,
            "problems": list(self.problems),
        }


def diagnose() -> Diagnosis:
    """Look at this machine; onnxruntime is imported in a process of its own, for it may die."""
    packages = _packages()
    version, providers, problem = probe_onnxruntime()
    problems = [problem] if problem else []
    flavours = [name for name in _ORT_PACKAGES if name in packages]
    if len(flavours) > 1:
        keep = "gpu" if "onnxruntime-gpu" in flavours else "cpu"
        problems.insert(
            0,
            f"{' and '.join(flavours)} are both installed and overwrite each other; "
            f"pip uninstall -y {' '.join(flavours)}, then pip install 'endcap[{keep}]'",
        )
    failure = cuda_failure() if CUDA in providers else None
    if failure is not None:
        problems.append(
            f"onnxruntime offers CUDA and it does not work here ({failure}), so that 'auto' falls "
            "back to the CPU; check the driver, then pip install 'endcap[gpu]'"
        )
    cpu, flags = processor()
    return Diagnosis(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=cpu,
        cpu_flags=flags,
        cpu_class=cpu_class(flags=flags),
        cores=usable_cores(),
        packages=packages,
        onnxruntime=version,
        providers=providers,
        cuda_failure=failure,
        problems=tuple(problems),
    )


def choices(bundle: Bundle, diagnosis: Diagnosis) -> tuple[Choice, ...]:
    """Say which variant of each model of ``bundle`` would run on the machine diagnosed, and why."""
    from runtime.variant_choice import choose_variant, describe_variants, picks

    provider = "cuda" if diagnosis.has_cuda else "cpu"
    because = "onnxruntime offers CUDA" if diagnosis.has_cuda else "onnxruntime offers no CUDA here"
    if diagnosis.cuda_failure is not None:
        because = "onnxruntime offers CUDA, which does not work here, and 'auto' falls back"
    found = []
    for model, section in bundle.manifest.sections().items():
        variant, why = choose_variant(section, provider, cpu=diagnosis.cpu_class)
        found.append(
            Choice(
                model,
                variant,
                provider,
                f"{because}; {variant} is {why}",
                picks(section),
                describe_variants(section),
                section.refused,
            )
        )
    return tuple(found)


def _packages() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("numpy", "click", "pypng", *_SERVING, *_ORT_PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
