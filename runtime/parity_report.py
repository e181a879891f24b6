"""What a parity run answers: checks, reasons for failures, nodes; as JSON and as JUnit XML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from runtime.comparison import Check
from runtime.layers import NodeCheck

# what XML 1.0 cannot hold
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Failure:
    """Why a variant failed: the first node that diverges, or a reason where none can be named."""

    model: str
    variant: str
    first_diverging: NodeCheck | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the failure as ``endcap parity --json`` shows it."""
        diverging = self.first_diverging
        return {
            "model": self.model,
            "variant": self.variant,
            "first_diverging": diverging.to_json() if diverging is not None else None,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class VariantLayers:
    """The nodes of one variant, in the order of the graph recorded at export."""

    model: str
    variant: str
    nodes: tuple[NodeCheck, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``layers`` in ``endcap parity --layers --json``."""
        nodes = [node.to_json() for node in self.nodes]
        return {"model": self.model, "variant": self.variant, "nodes": nodes}


@dataclass(frozen=True)
class ParityReport:
    """What was found about a bundle on one provider.

    Attributes:
        provider: where the graphs ran, "cpu" or "cuda".
        checks: every figure held against its tolerance.
        failures: why those variants failed that did.
        layers: every node compared, where that was asked for.
        duration_s: how long the run took, in seconds.
    """

    provider: str
    checks: tuple[Check, ...]
    failures: tuple[Failure, ...]
    layers: tuple[VariantLayers, ...]
    duration_s: float

    @property
    def passed(self) -> bool:
        """Whether something was compared and all of it was in tolerance."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``endcap parity --json``.

        ``failures`` is there only where something failed, ``layers`` only where asked for.
        """
        document: dict[str, Any] = {
            "passed": self.passed,
            "provider": self.provider,
            "checks": [check.to_json() for check in self.checks],
        }
        if self.failures:
            document["failures"] = [failure.to_json() for failure in self.failures]
        if self.layers:
            document["layers"] = [layers.to_json() for layers in self.layers]
        return document

    def to_junit(self, name: str) -> bytes:
        """Return the checks as JUnit XML, one test case each, in a suite called ``name``."""
        from xml.etree import ElementTree

        failed = sum(not check.passed for check in self.checks)
        counts = {
            "name": _printable(f"endcap parity {name}"),
            "tests": str(len(self.checks)),
            "failures": str(failed),
            "errors": "0",
            "time": f"{self.duration_s:.3f}",
        }
        root = ElementTree.Element("testsuites", counts)
        suite = ElementTree.SubElement(root, "testsuite", counts, skipped="0")
        properties = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(properties, "property", name="provider", value=self.provider)
        for check in self.checks:
            where = _printable(f"{check.model}.{check.variant}")
            case = ElementTree.SubElement(suite, "testcase", classname=where, name=check.metric)
            said = f"value {check.value}, tolerance {check.tolerance}, compared {check.compared}"
            if check.passed:
                ElementTree.SubElement(case, "system-out").text = said
                continue
            failure = ElementTree.SubElement(case, "failure", type="parity", message=said)
            failure.text = _printable("; ".join(self._reasons(check)))
        xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return xml

    def _reasons(self, check: Check) -> list[str]:
        return [
            failure.reason
            for failure in self.failures
            if (failure.model, failure.variant) == (check.model, check.variant)
        ]


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)
