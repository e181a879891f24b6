"""The parity certificate: what one device found about one bundle, for a fleet to collect."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from runtime.device import device_facts, version_facts

if TYPE_CHECKING:
    from runtime.bundle import Bundle
    from runtime.parity_report import ParityReport

CERTIFICATE_FORMAT = 1
"""Grows when a key is removed or changes its meaning; new keys alone don't change it."""


def certificate(report: ParityReport, bundle: Bundle, requested_provider: str) -> dict[str, Any]:
    """Return the document of ``endcap parity --certificate``; docs/parity.md explains its keys.

    Args:
        report: what :func:`runtime.parity.check_bundle` found, whether it passed or not.
        bundle: the bundle checked.
        requested_provider: "cpu", "cuda" or "auto", as it was asked for.
    """
    found = report.to_json()
    return {
        "certificate": CERTIFICATE_FORMAT,
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "passed": report.passed,
        "bundle": {
            "name": bundle.manifest.name,
            "version": bundle.manifest.version,
            "manifest_sha256": bundle.manifest_sha256,
        },
        "device": device_facts(),
        "provider": {"requested": requested_provider, "actual": report.provider},
        "versions": version_facts(),
        "duration_s": report.duration_s,
        "checks": found["checks"],
        "failures": found.get("failures", []),
        "layers": found.get("layers", []),
    }
