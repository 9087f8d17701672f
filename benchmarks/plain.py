"""python -m benchmarks.plain FOLDER: the plain way to ingest, for the comparison in benchmarks/ingest.py.

LlamaIndex's IngestionPipeline as its documentation shows it: sentences packed to 256 tokens, the same model in
float32, nodes in a list. Prints {"pages": …, "chunks": …}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lxml import html

from groundwork.core.settings import quiet_libraries
from groundwork.retrieval.embed.model import BUNDLED, model_folder


def text_of(path: Path) -> str:
    """The file as it is; of HTML the text content."""
    if path.suffix != ".html":
        return path.read_text(errors="replace")
    tree: Any = html.fromstring(path.read_bytes())  # its stubs are wrong about xpath
    for unseen in tree.xpath("//script | //style"):
        unseen.drop_tree()
    return str(tree.text_content())


def main(folder: Path) -> None:
    """Read, split, embed."""
    quiet_libraries()
    from llama_index.core import Document
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import (  # type: ignore[import-untyped]  # ships no types
        HuggingFaceEmbedding,
    )

    documents = [
        Document(text=text_of(path), id_=str(path.relative_to(folder)))
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".md", ".html"}
    ]
    pipeline = IngestionPipeline(
        transformations=[
            SentenceSplitter(chunk_size=256, chunk_overlap=20),
            HuggingFaceEmbedding(model_name=str(model_folder(BUNDLED)), device="cpu"),
        ],
        disable_cache=True,
    )
    nodes = pipeline.run(documents=documents)
    assert all(node.embedding is not None for node in nodes)
    print(json.dumps({"pages": len(documents), "chunks": len(nodes)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
