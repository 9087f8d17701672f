"""OpenTelemetry's own variable."""

from __future__ import annotations

import os

_VARIABLE = "OTEL_SEMCONV_STABILITY_OPT_IN"


def semconv_opt_in() -> frozenset[str]:
    """What `OTEL_SEMCONV_STABILITY_OPT_IN` lists, separated by commas; `gen_ai/dup` asks for the older names too."""
    listed = os.environ.get(_VARIABLE, "").split(",")
    return frozenset(name.strip() for name in listed if name.strip())
