"""What a parity run answers: the checks, the reasons for failures, as JSON and as JUnit XML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from runtime.comparison import Check
from runtime.layers import Divergence

# what XML 1.0 cannot hold
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Failure:
    """Why a variant failed: the first node that diverges, or a reason where none can be named."""

    model: str
    variant: str
    first_diverging: Divergence | None
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
class ParityReport:
    """All checks of a bundle on one provider ("cpu" or "cuda"), and why those failed that did."""

    provider: str
    checks: tuple[Check, ...]
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared and all of it was in tolerance."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``endcap parity --json``; ``failures`` only where there are."""
        document: dict[str, Any] = {
            "passed": self.passed,
            "provider": self.provider,
            "checks": [check.to_json() for check in self.checks],
        }
        if self.failures:
            document["failures"] = [failure.to_json() for failure in self.failures]
        return document

    def to_junit(self, name: str) -> bytes:
        """Return the checks as JUnit XML, one test case each, in a suite called ``name``."""
        from xml.etree import ElementTree

        failed = sum(not check.passed for check in self.checks)
        suite = ElementTree.Element(
            "testsuite",
            name=_printable(f"endcap parity {name}"),
            tests=str(len(self.checks)),
            failures=str(failed),
            errors="0",
        )
        for check in self.checks:
            where = f"{check.model}.{check.variant}"
            case = ElementTree.SubElement(
                suite, "testcase", classname=_printable(where), name=check.metric
            )
            said = f"value {check.value}, tolerance {check.tolerance}, compared {check.compared}"
            if not check.passed:
                reasons = [
                    failure.reason
                    for failure in self.failures
                    if (failure.model, failure.variant) == (check.model, check.variant)
                ]
                failure_tag = ElementTree.SubElement(case, "failure", message=said)
                failure_tag.text = _printable("; ".join(reasons))
            else:
                ElementTree.SubElement(case, "system-out").text = said
        root = ElementTree.Element("testsuites")
        root.append(suite)
        xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
        return xml


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)
