"""Say where modules and functions have grown past what fits a screen; exits with 1 if any has.

Usage: python tools/sizes.py FOLDER…
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60


def findings(path: Path) -> Iterator[str]:
    """One line for each thing that is too long."""
    source = path.read_text()
    lines = source.count("\n")
    if lines > MODULE_LINES:
        yield f"{path}: {lines} lines in one module (at most {MODULE_LINES})"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines (at most {FUNCTION_LINES})"


def main(folders: list[str]) -> int:
    """Check all Python files below the folders."""
    files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
    found = [line for file in files for line in findings(file)]
    print("\n".join(found) if found else f"sizes: {len(files)} modules fit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
