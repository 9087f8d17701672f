"""Write deploy/grafana's dashboards of the service, of quality and of the models: python tools/dashboards.py.

They are data in a few lines here, so that all panels look alike; costs.json is kept by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Columns of Grafana's grid, and how high a panel is.
_WIDTH, _HEIGHT = 24, 8

ROUTES = 'route=~"/v1/(ask|chat/completions|search|ocr|recommendations)"'
# A panel: title, unit, what it says, and queries by legend.
Panel = tuple[str, str, str, dict[str, str]]


def _quantiles(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    named = f" {{{{{by}}}}}" if by else ""
    labels = f"le, {by}" if by else "le"
    found = f"sum by ({labels}) (rate({metric}_bucket{where}[$__rate_interval]))"
    return {f"p{q}{named}": f"histogram_quantile(0.{q}, {found})" for q in (50, 95)}


def _rate(metric: str, by: str, where: str = "") -> dict[str, str]:
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({metric}{where}[$__rate_interval]))"}


SERVICE: tuple[Panel, ...] = (
    ("Requests", "reqps", "By route.", _rate("groundwork_http_requests_total", "route")),
    (
        "Errors by code",
        "reqps",
        "The code of the problem document; docs/api.md lists them.",
        _rate("groundwork_errors_total", "code"),
    ),
    (
        "Budget for errors, spent how fast",
        "none",
        "1 spends exactly what the objective of 99.5 % allows.",
        {w: f"groundwork:errors:ratio_rate{w} / 0.005" for w in ("5m", "1h", "6h")},
    ),
    ("First words", "s", "From the question.", _quantiles("groundwork_first_token_seconds")),
    (
        "Time by stage, p95",
        "s",
        "Of an answer.",
        {
            "{{stage}}": "histogram_quantile(0.95, sum by (le, stage) "
            "(rate(groundwork_stage_seconds_bucket[$__rate_interval])))"
        },
    ),
    (
        "Requests by time",
        "s",
        "By route.",
        _quantiles("groundwork_http_request_seconds", "route"),
    ),
    (
        "In flight and waiting",
        "short",
        "Answers being written; requests at and before each language model.",
        {
            "answers": "sum(groundwork_answers_in_flight)",
            "{{engine}} running": "sum by (engine) (groundwork_engine_running)",
            "{{engine}} waiting": "sum by (engine) (groundwork_engine_waiting)",
        },
    ),
    (
        "Breakers that are not closed",
        "short",
        "A language model that kept failing is left alone.",
        {
            "{{engine}} {{state}}": 'sum by (engine, state) (groundwork_engine_breaker{state!="closed"})'
        },
    ),
    (
        "Answers from the cache",
        "percentunit",
        "Of all answers.",
        {
            "cache": 'sum(rate(groundwork_cache_lookups_total{result="hit"}[$__rate_interval]))'
            " / sum(rate(groundwork_cache_lookups_total[$__rate_interval]))"
        },
    ),
    (
        "The ledger is behind",
        "s",
        "How long the oldest charge has waited for the database.",
        {"{{instance}}": "groundwork_ledger_behind_seconds"},
    ),
    (
        "Traces",
        "ops",
        "Sent and lost, by place.",
        {
            "{{place}} sent": "sum by (place) (rate(groundwork_traces_sent_total[$__rate_interval]))",
            "{{place}} lost": "sum by (place) (rate(groundwork_traces_dropped_total[$__rate_interval]))",
        },
    ),
    (
        "Memory and CPU",
        "short",
        "Of the process: GB, and cores.",
        {
            "{{instance}} GB": "process_resident_memory_bytes / 1e9",
            "{{instance}} cores": "rate(process_cpu_seconds_total[$__rate_interval])",
        },
    ),
    (
        "vLLM: cache and queue",
        "short",
        "Share of the cache that is used; requests that run and wait in the engine itself.",
        {
            "cache": "vllm:kv_cache_usage_perc",
            "running": "vllm:num_requests_running",
            "waiting": "vllm:num_requests_waiting",
            "preempted": "rate(vllm:num_preemptions_total[$__rate_interval])",
        },
    ),
    (
        "vLLM: tokens",
        "short",
        "A second; and the share of the prompt's that was cached.",
        {
            "prompt": "rate(vllm:prompt_tokens_total[$__rate_interval])",
            "answer": "rate(vllm:generation_tokens_total[$__rate_interval])",
            "cached": "rate(vllm:prefix_cache_hits_total[$__rate_interval])"
            " / rate(vllm:prefix_cache_queries_total[$__rate_interval])",
        },
    ),
    ("vLLM: first token", "s", "In the engine.", _quantiles("vllm:time_to_first_token_seconds")),
)

QUALITY: tuple[Panel, ...] = (
    (
        "How answers end",
        "percentunit",
        "Shares by outcome.",
        {
            "{{outcome}}": "sum by (outcome) (rate(groundwork_answers_total[$__rate_interval]))"
            " / ignoring(outcome) group_left sum(rate(groundwork_answers_total[$__rate_interval]))"
        },
    ),
    ("Why there is no answer", "ops", "By reason.", _rate("groundwork_unanswered_total", "reason")),
    (
        "Accepted",
        "percentunit",
        "Thumbs up, of all judgements of a day.",
        {
            "up": 'sum(increase(groundwork_feedback_total{rating="up"}[1d]))'
            " / sum(increase(groundwork_feedback_total[1d]))"
        },
    ),
    (
        "Deflection",
        "percentunit",
        "Questions of a day that were answered and not disliked: nobody else had to answer them.",
        {
            "deflected": '(sum(increase(groundwork_answers_total{outcome="answered"}[1d]))'
            ' - (sum(increase(groundwork_feedback_total{rating="down"}[1d])) or vector(0)))'
            " / sum(increase(groundwork_answers_total[1d]))"
        },
    ),
    (
        "Click-through",
        "percentunit",
        "Of what was shown within a day.",
        {
            "{{what}}": "sum by (what) (increase(groundwork_clicks_total[1d]))"
            " / sum by (what) (increase(groundwork_shown_total[1d]))"
        },
    ),
    (
        "Similarity of the best passage",
        "none",
        "Cosine with the question.",
        _quantiles("groundwork_retrieval_score"),
    ),
    (
        "Confidence",
        "none",
        "That the documentation answers.",
        _quantiles("groundwork_model_confidence", "", '{model="assistant"}'),
    ),
    (
        "Rails",
        "ops",
        "What they did other than to allow.",
        {
            "{{rail}} {{on}} {{verdict}}": "sum by (rail, on, verdict) "
            "(rate(groundwork_rail_verdicts_total[$__rate_interval]))"
        },
    ),
    (
        "Age of the live index",
        "s",
        "Since an ingest last held it against its sources, and since its version was built.",
        {
            "{{index}} checked": "time() - groundwork_index_checked_timestamp_seconds",
            "{{index}} built": "time() - groundwork_index_built_timestamp_seconds",
        },
    ),
    ("Live versions", "short", "1 for each.", {"{{index}} {{version}}": "groundwork_index_info"}),
)

MODELS: tuple[Panel, ...] = (
    (
        "Drift",
        "short",
        "Looks in a row that found it; 2 raise an alarm.",
        {"{{monitor}}": "max by (monitor) (groundwork_drift_streak)"},
    ),
    (
        "What moves",
        "none",
        "How large the difference is: standard deviations, share, or distance.",
        {"{{monitor}} {{feature}}": "max by (monitor, feature) (groundwork_drift_size)"},
    ),
    (
        "How likely by chance",
        "none",
        "Corrected for all features; below 0.01 it is drift.",
        {"{{monitor}} {{feature}}": "min by (monitor, feature) (groundwork_drift_p_value)"},
    ),
    (
        "Observations in the last look",
        "short",
        "By monitor.",
        {"{{monitor}}": "max by (monitor) (groundwork_drift_window)"},
    ),
    (
        "Last looked",
        "s",
        "Since monitors were looked at; observations that were lost.",
        {
            "{{instance}}": "groundwork_monitoring_age_seconds",
            "{{instance}} lost": "groundwork_drift_observations_dropped_total",
        },
    ),
    (
        "Confidence",
        "none",
        "By model.",
        _quantiles("groundwork_model_confidence", "model"),
    ),
    (
        "Requests to models",
        "reqps",
        "OCR and recommendations.",
        _rate("groundwork_http_requests_total", "route", '{route=~"/v1/(ocr|recommendations)"}'),
    ),
    (
        "Releases",
        "short",
        "1 for each that is loaded, by its role.",
        {"{{line}} {{role}} {{release}}": "max by (line, role, release) (groundwork_release_info)"},
    ),
    (
        "Trials",
        "percentunit",
        "The challenger's share.",
        {"{{line}} {{mode}}": "max by (line, mode) (groundwork_trial_share)"},
    ),
    (
        "Not the champion",
        "short",
        "1 where another release answers; failures to load; the registry.",
        {
            "{{line}} behind": "max by (line) (groundwork_release_behind)",
            "{{line}} failures": "sum by (line) (increase(groundwork_release_load_failures_total[1h]))",
            "registry": "min(groundwork_registry_up)",
        },
    ),
)

DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "service": ("Groundwork: service", SERVICE),
    "quality": ("Groundwork: quality", QUALITY),
    "models": ("Groundwork: models", MODELS),
}


def dashboard(name: str) -> dict[str, Any]:
    """As Grafana imports it."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"groundwork-{name}",
        "title": title,
        "tags": ["groundwork"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "utc",
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def render(name: str) -> str:
    """The file's text."""
    return json.dumps(dashboard(name), indent=2) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    title, unit, about, queries = panel
    across = 2
    width = _WIDTH // across
    return {
        "id": number + 1,
        "title": title,
        "type": "timeseries",
        "description": about,
        "datasource": SOURCE,
        "gridPos": {
            "x": number % across * width,
            "y": number // across * _HEIGHT,
            "w": width,
            "h": _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for place, (legend, expression) in enumerate(queries.items())
        ],
    }


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / f"{each}.json").write_text(render(each))
