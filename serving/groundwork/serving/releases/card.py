"""What a person reads about a release of the assistant."""

from __future__ import annotations

from groundwork.core.registry.release import Release
from groundwork.serving.assistant import Assistant


def card_of(release: Release, assistant: Assistant) -> str:
    """Markdown: what answers, and the commands that lead to each part of it."""
    prompts = (
        ", ".join(each.id for each in assistant.prompts) or "none: it quotes the documentation"
    )
    index, version = release.index, release.index_version
    rows = [
        ("Index", f"`{index}@{version}`", f"`groundwork index show {version} --index {index}`"),
        ("Embedder", f"`{release.embedder}`", ""),
        ("Generator", f"`{release.generator}`", ""),
        ("Prompts", prompts, "`groundwork prompts list`"),
        ("Rails", f"`{release.policy}`", f"`groundwork release show {release.id} --file policy.yaml`"),
        ("Prices", f"`{release.prices}`", f"`groundwork release show {release.id} --file prices.json`"),
        ("Bill", "", "`groundwork cost report --by release`"),
    ]  # fmt: skip
    table = "\n".join(f"| {name} | {what} | {command} |" for name, what, command in rows)
    return (
        f"# Release {release.id}\n\nAnswers questions about `{index}`.\n\n"
        f"| Part | Which | Read on |\n|---|---|---|\n{table}\n"
    )
