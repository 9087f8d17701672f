"""groundwork search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from groundwork.cli.compose import load, open_services
from groundwork.cli.output import echo_json, index_option, json_option

if TYPE_CHECKING:
    from groundwork.retrieval.passages import Passage

_SNIPPET_CHARS = 240


@click.command()
@click.argument("query")
@click.option(
    "-k", type=click.IntRange(1, 50), default=5, show_default=True, help="Passages to show."
)
@index_option
@click.option("--path", multiple=True, help="Only pages at or below this path; repeatable.")
@click.option("--section", multiple=True, help="Only under a heading of this text; repeatable.")
@click.option("--product-version", multiple=True, help="Only this product version; repeatable.")
@click.option("--tag", multiple=True, help="Only pages with this tag; repeatable.")
@json_option
def search(query: str, k: int, index: str | None, as_json: bool, **where: tuple[str, ...]) -> None:
    """Find the passages that fit a question best, with their scores."""
    from groundwork.retrieval.index.base import Filter
    from groundwork.serving.questions import checked_question

    settings = load()
    text = checked_question(query, settings.service.max_question_chars, "query")
    narrowed = Filter(where["path"], where["section"], where["product_version"], where["tag"])
    with open_services(settings) as services:
        found = services.assistant.retriever.retrieve(
            text, index or settings.index.default, where=narrowed, limit=k
        )
    if as_json:
        echo_json(
            {
                "index": found.index,
                "index_version": found.index_version,
                "confidence": round(found.confidence, 4),
                "results": [_as_dict(passage) for passage in found.passages],
            }
        )
        return
    for n, passage in enumerate(found.passages, start=1):
        chunk = passage.chunk
        url = chunk.url or chunk.page
        click.echo(f"{n}. {' > '.join(chunk.heading_path)}  ({passage.score:.3f})")
        click.echo(f"   {url}#{chunk.anchor}" if chunk.anchor else f"   {url}")
        click.echo(f"   {' '.join(chunk.text.split())[:_SNIPPET_CHARS]}")
    if not found.passages:
        click.echo("nothing found")


def _as_dict(passage: Passage) -> dict[str, Any]:
    chunk = passage.chunk
    return {
        "id": chunk.id,
        "score": round(passage.score, 6),
        "dense": round(passage.dense, 6),
        "sparse": round(passage.sparse, 6),
        "page": chunk.page,
        "title": chunk.title,
        "url": chunk.url or chunk.page,
        "anchor": chunk.anchor,
        "heading_path": list(chunk.heading_path),
        "revision": chunk.revision,
        "text": chunk.text,
    }
