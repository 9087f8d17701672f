"""python -m benchmarks [PART …]: all parts, or those named."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from groundwork.core.settings import Settings, load, quiet_libraries

PARTS = (
    "cli", "ingest", "pipelines", "search", "embedding", "quality", "citations", "fit", "followups", "cache", "routing", "engine", "gateway", "support", "rails", "injection", "ocr", "recommender", "ledger", "costs", "gate", "registry", "rollback", "arrivals", "canary", "drift", "tracing",
)  # fmt: skip


def main(parts: list[str]) -> int:
    """Run the parts, each under a heading."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        print(
            f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr
        )
        return 2
    quiet_libraries()
    home = Path("bench-results").absolute()
    settings: Settings = load(home=home)
    for part in parts or PARTS:
        print(f"\n## {part}\n", flush=True)
        import_module(f"benchmarks.{part}").main(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
