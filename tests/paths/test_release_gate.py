"""One gate for everything that a release can get wrong: a worse prompt, a broken index and a permissive policy are refused.

The model behind it is a double that does what its prompt says, so that a prompt can be worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundwork.core.errors import Conflict
from groundwork.core.progress import NoProgress
from groundwork.core.registry.base import CHAMPION, Candidate, Lineage
from groundwork.core.registry.gate import GateSettings
from groundwork.core.registry.memory import MemoryRegistry
from groundwork.core.registry.promotion import Submitted, submit
from groundwork.core.settings import (
    EmbedderSettings,
    GeneratorSettings,
    RailsSettings,
    RetrievalSettings,
    Settings,
)
from groundwork.evals.evaluate import Job, evaluate
from groundwork.evals.nightly import measured
from groundwork.evals.store import RunFolder, Runs
from groundwork.serving.engine.script import Script, Writer
from groundwork.serving.releases.carrier import IndexCarrier
from groundwork.serving.releases.recipe import candidate_of, line_of
from groundwork.serving.services import build_services
from tests.evals.handbook_set import write_set
from tests.evals.judge_server import Serving
from tests.serving.handbook import publish

LINE = line_of("handbook")
# What the bundled prompt says of citations, and the model does because of it.
RULE = "put the number of the passage that it rests on in square brackets"
PROMPT = resources.files("groundwork.serving.prompts") / "answer.1.yaml"
POLICY = resources.files("groundwork.guardrails") / "policy.yaml"


class Obedient(Writer):
    """Quotes the passages, and says which ones only where it is told to."""

    def _text(self, messages: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any] | None) -> str:
        text = super()._text(messages, wanted)
        if RULE in str(messages[0]["content"]):
            return text
        return text.replace(" [", " (").replace("]", ")")


class House:
    """A registry with a champion, and what is submitted to it: registered, evaluated on the set, put before the gate."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.registry = MemoryRegistry()
        self.settings = Settings(
            home=folder / "home",
            embedder=EmbedderSettings(engine="hashing"),
            retrieval=RetrievalSettings(threshold=0.2),
            generator=GeneratorSettings(url=url),
        )
        self.set = write_set(folder / "set.jsonl")

    def publish(self, edition: str, lost: Sequence[int] = ()) -> str:
        return publish(self.settings, self.folder / "pages", edition, lost)

    def measure(self, version: str, **changes: object) -> tuple[Candidate, RunFolder]:
        settings = self.settings.model_copy(update=changes)
        services = build_services(settings)
        try:
            assistant = services.assistant
            candidate = candidate_of(assistant, "handbook", version, settings, Lineage())
        finally:
            services.close()
        release = self.registry.register(candidate)
        job = Job("golden", (self.set,), "handbook", release=release.id)
        # Whatever is configured here, it is the release that is asked.
        folder = evaluate(self.settings, job, NoProgress(), lambda _: self.registry)
        assert folder.run.release == release.id
        return candidate, folder

    def submit(self, version: str, **changes: object) -> Submitted:
        candidate, folder = self.measure(version, **changes)
        champion = self.registry.aliases(LINE).get(CHAMPION)
        former = None
        if champion is not None:
            former = Runs(self.settings.home).of(champion, folder.run)
            assert former is not None
        services = build_services(self.settings)
        try:
            return submit(
                self.registry,
                candidate,
                measured(folder),
                None if former is None else measured(former),
                GateSettings.read(),
                actor="a test",
                carrier=IndexCarrier(services.index_store),
            )
        finally:
            services.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Serving() as serving:
        # It quotes all that it is given: the embedder without a model does not tell pump 3 from pump 4.
        serving.double.writer = Obedient(Script(quoted=8))
        yield serving.url


@pytest.fixture
def house(tmp_path: Path, url: str) -> House:
    return House(tmp_path, url)


def worse_prompt(folder: Path) -> GeneratorSettings:
    """The bundled prompt without its rule on citations."""
    prompt = yaml.safe_load(PROMPT.read_text())
    system = prompt["messages"][0]
    rules = system["content"].splitlines()
    system["content"] = "\n".join(line for line in rules if RULE not in line)
    folder.mkdir()
    (folder / "answer.2.yaml").write_text(
        yaml.safe_dump({**prompt, "version": 2, "changelog": ["2: shorter"]}, sort_keys=False)
    )
    return GeneratorSettings(prompts=folder)


def permissive(folder: Path) -> Path:
    """The bundled policy, in which what should block is only noted."""
    policy = yaml.safe_load(POLICY.read_text())
    for rule in policy["rails"]:
        # YAML 1.1 reads the key `on` as a truth value.
        rule["on"] = rule.pop(True)
        if rule["action"] in {"block", "redact"}:
            rule["action"] = "flag"
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({**policy, "name": "permissive"}))
    return path


def refused_for(submitted: Submitted) -> set[str]:
    assert not submitted.promoted
    return {reason.split()[0] for reason in submitted.verdict.reasons}


def test_the_same_gate_refuses_a_worse_prompt_a_broken_index_and_a_permissive_policy(
    house: House, url: str
) -> None:
    version = house.publish("first")
    first = house.submit(version)
    assert first.promoted, first.verdict.reasons
    champion = house.registry.aliases(LINE)[CHAMPION]

    prompt = worse_prompt(house.folder / "prompts").model_copy(update={"url": url})
    worse = house.submit(version, generator=prompt)
    assert "passed" in refused_for(worse)

    broken = house.publish("second", lost=range(6))
    lost = house.submit(broken)
    assert {"passed", "source_in_index"} <= refused_for(lost)

    lenient = house.submit(version, rails=RailsSettings(policy=permissive(house.folder)))
    assert {"attacks_stopped", "personal_withheld"} <= refused_for(lenient)

    # Nothing moved, and the history says why not.
    assert house.registry.aliases(LINE) == {CHAMPION: champion}
    told = [one for one in house.registry.history(LINE) if one.action == "refused"]
    assert {one.release for one in told} == {
        worse.release.id, lost.release.id, lenient.release.id,
    }  # fmt: skip
    assert all(one.former == champion and one.detail["reasons"] for one in told)


def test_a_better_release_passes_and_is_promoted(house: House) -> None:
    poor = house.publish("first", lost=range(1))
    first = house.submit(poor, retrieval=RetrievalSettings(threshold=0.2))
    # The first of its line has only the floors to pass, and misses one; somebody promotes it in spite of that.
    assert refused_for(first) == {"source_in_index"}
    house.registry.point(LINE, CHAMPION, first.release.id)
    better = house.submit(house.publish("second"))
    assert better.promoted, better.verdict.reasons
    (passed,) = [one for one in better.verdict.metrics if one.rule.metric == "passed"]
    assert passed.difference is not None
    assert passed.difference.mean > 0
    assert house.registry.aliases(LINE) == {
        "champion": better.release.id,
        "previous": first.release.id,
    }
    # As good as the champion is good enough.
    again = house.submit(
        better.release.content["index_version"], retrieval=RetrievalSettings(threshold=0.19)
    )
    assert again.promoted, again.verdict.reasons


def test_a_release_that_cannot_be_served_is_not_measured(house: House) -> None:
    version = house.publish("first")
    candidate, _ = house.measure(version)
    lying = Candidate(LINE, {**candidate.content, "embedder": "another"}, candidate.files)
    release = house.registry.register(lying)
    job = Job("golden", (house.set,), "handbook", release=release.id)
    with pytest.raises(Conflict, match="cannot be served here"):
        evaluate(house.settings, job, NoProgress(), lambda _: house.registry)
