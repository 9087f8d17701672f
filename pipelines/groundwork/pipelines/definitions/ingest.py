"""The pipeline `ingest`: discover, plan, chunk and embed in shards, build, evaluate, promote."""

from typing import Any

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Output

from groundwork.core.settings import Settings
from groundwork.pipelines.definitions.dress import EMBEDDING, LARGE, SMALL, component, dressed
from groundwork.pipelines.definitions.exits import exit_task


def discover(
    sources: list[str],
    index: str,
    options: dict[str, Any],
    found: Output[Artifact],
    documents: Output[Dataset],
) -> None:
    """What is new or changed."""
    from groundwork.pipelines.steps import ingest

    documents.metadata.update(ingest.discover(sources, index, options, found.path))
    documents.uri = documents.metadata["url"]


def plan(found: Input[Artifact], shards: int, code: str) -> list[dict[str, Any]]:
    """The shards."""
    from groundwork.pipelines.steps import ingest

    return ingest.plan(found.path, shards, code)


def chunk(shard: dict[str, Any], chunks: Output[Dataset]) -> None:
    """Of one shard."""
    from groundwork.pipelines.steps import ingest

    chunks.metadata.update(ingest.chunk(shard))
    chunks.uri = chunks.metadata["url"]


def embed(shard: dict[str, Any], workers: int, vectors: Output[Dataset]) -> None:
    """Of one shard."""
    from groundwork.pipelines.steps import ingest

    vectors.metadata.update(ingest.embed(shard, workers))
    vectors.uri = vectors.metadata["url"]


def build(found: Input[Artifact], shards: list[dict[str, Any]], index: Output[Artifact]) -> None:
    """The version of the index."""
    from groundwork.pipelines.steps import ingest

    index.metadata.update(ingest.build(found.path, shards, index.path))


def evaluate(index: Input[Artifact], report: Output[HTML], metrics: Output[Metrics]) -> str:
    """Why it must not go live, or nothing."""
    from groundwork.pipelines.steps import evaluate

    figures: dict[str, float] = {}
    refusal = evaluate.version(index.path, report.path, figures)
    metrics.metadata.update(figures)
    return refusal


def promote(found: Input[Artifact], index: Input[Artifact], refusal: str, wanted: bool) -> str:
    """The release that was made of it, or nothing."""
    from groundwork.pipelines.steps import ingest

    return ingest.promote(found.path, index.path, refusal, wanted=wanted)["release"] or ""


def pipeline(settings: Settings, code: str) -> Any:
    """Built for the settings: the image, resources and secrets are theirs. `code` is the digest of the code."""
    make = {
        one.__name__: component(one, settings)
        for one in (discover, plan, chunk, embed, build, evaluate, promote)
    }
    parallel = settings.pipelines.parallel

    def ingest(
        sources: list[str],
        index: str = settings.index.default,
        options: dict[str, Any] = {},  # noqa: B006  kfp reads it as the default
        shards: int = 0,
        workers: int = 0,
        promote: bool = True,
        code: str = code,
    ) -> None:
        with dsl.ExitHandler(exit_task(settings, "ingest")):
            found = make["discover"](sources=sources, index=index, options=options)
            # Whatever the sources hold now: never taken from a former run.
            dressed(found, settings, LARGE, cached=False)
            known = found.outputs["found"]
            planned = make["plan"](found=known, shards=shards, code=code)
            dressed(planned, settings, SMALL, cached=False)
            with dsl.ParallelFor(items=planned.output, parallelism=parallel) as shard:
                chunked = make["chunk"](shard=shard)
                dressed(chunked, settings, LARGE, cached=True)
                embedded = make["embed"](shard=shard, workers=workers).after(chunked)
                dressed(embedded, settings, EMBEDDING, cached=True)
            built = make["build"](found=known, shards=planned.output).after(embedded)
            dressed(built, settings, LARGE, cached=False)
            judged = make["evaluate"](index=built.outputs["index"])
            dressed(judged, settings, LARGE, cached=False)
            live = make["promote"](
                found=known,
                index=built.outputs["index"],
                refusal=judged.outputs["Output"],
                wanted=promote,
            )
            dressed(live, settings, SMALL, cached=False)

    named = dsl.pipeline(
        name="ingest", description="Bring an index up to date with its sources, in shards."
    )
    return named(ingest)
