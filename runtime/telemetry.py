"""onnxruntime's telemetry, which stays off unless the environment says otherwise."""

from __future__ import annotations

# Unless told otherwise onnxruntime 1.32 keeps an id of the device in the home folder and sends its
# makers events (https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md).
TELEMETRY_OFF = {"ORT_DISABLE_TELEMETRY": "1"}
