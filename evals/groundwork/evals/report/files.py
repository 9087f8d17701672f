"""The report's files beside the rows of a run."""

from __future__ import annotations

import orjson

from groundwork.core.registry.gate import Verdict
from groundwork.evals.report.history import history
from groundwork.evals.report.html import to_html
from groundwork.evals.report.markdown import to_markdown, verdict_markdown
from groundwork.evals.report.summary import Summary, summarise
from groundwork.evals.store import RunFolder, Runs

HTML, MARKDOWN, SUMMARY = FILES = ("report.html", "report.md", "summary.json")


def write_report(
    runs: Runs, folder: RunFolder, former: RunFolder | None, verdict: Verdict | None = None
) -> Summary:
    """report.html, report.md and summary.json."""
    summary = summarise(folder, former, history(runs, folder.run))
    said = "" if verdict is None else "\n" + verdict_markdown(verdict)
    folder.write(HTML, to_html(summary, verdict))
    folder.write(MARKDOWN, to_markdown(summary) + said)
    content = orjson.dumps(summary.to_dict(), option=orjson.OPT_INDENT_2)
    folder.write(SUMMARY, content.decode() + "\n")
    return summary
