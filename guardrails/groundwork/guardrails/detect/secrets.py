"""Keys, tokens and passwords: by the forms that their issuers give them, else by the name before them and their entropy."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter

import orjson

from groundwork.guardrails.detect.patterns import Pattern

# What stands where a secret would: placeholders of documentation.
_PLACEHOLDER = re.compile(
    r"example|sample|placeholder|change|your|replace|insert|dummy|redacted|removed|todo|fixme|foobar|p[a4]ss?w[o0]rd|secret"
    r"|xxx|\*\*\*|\.\.\.|<|>|\$|%\(|\{|\}|(.)\1{4}|12345|abcde|qwert|deadbeef|\bnone\b|\bnull\b|\btrue\b|\bfalse\b",
    re.IGNORECASE,
)
# The same in values whose form is known: stricter, because a real key may hold any short run of letters.
_PUBLISHED = re.compile(r"example|placeholder|xxxx|\*\*\*|your_|your-|(.)\1{6}", re.IGNORECASE)
# Code that fetches a secret, not the secret: settings.api_key, os.environ["X"], /run/secrets/db, getToken(user).
_CODE = re.compile(
    r"[A-Za-z_][\w-]*(?:(?:\.|::|->|/)[A-Za-z_][\w-]*)+|.*[()\[\]].*|[~./]*/.*|https?:.*"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_IDENTIFIER = re.compile(
    r"[A-Za-z]+(?:[-_ ]?[A-Za-z]+)*\d{0,2}|[A-Z0-9]+(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+\d?"
)


def entropy(text: str) -> float:
    """Shannon's, in bits a code point, of the text's own frequencies."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def looks_random(value: str) -> bool:
    """Whether a value could be a secret: no placeholder, no code, no words, and mixed enough."""
    if _PLACEHOLDER.search(value):
        return False
    # Base64 may hold slashes and look like a path; no path is that long and that mixed.
    is_base64 = len(value) >= 32 and _BASE64.fullmatch(value) and entropy(value) >= 4.2
    if not is_base64 and (_CODE.fullmatch(value) or _IDENTIFIER.fullmatch(value)):
        return False
    # Digits only carry 3.3 bits at most, and a date or a count is no secret; letters only are words.
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and entropy(value) >= (3.0 if len(value) >= 16 else 2.5)


def _random(match: re.Match[str]) -> tuple[int, int] | None:
    return match.span("value") if looks_random(match["value"]) else None


def _password(match: re.Match[str]) -> tuple[int, int] | None:
    value = match["value"]
    if _PLACEHOLDER.search(value) or _CODE.fullmatch(value) or value.lower() in _WEAK:
        return None
    return match.span("value")


# Passwords of the tutorials' databases: user:user, postgres:postgres.
_WEAK = frozenset(
    "user users admin root test guest pass passwd pwd postgres mysql redis rabbitmq mongo minio airflow mlflow hunter2"
    " token key login name username myuser mypass".split()
)


def _jwt(match: re.Match[str]) -> tuple[int, int] | None:
    header = match[0].partition(".")[0]
    try:
        decoded = orjson.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError):
        return None
    return match.span() if isinstance(decoded, dict) and "alg" in decoded else None


def _published(match: re.Match[str]) -> tuple[int, int] | None:
    return None if _PUBLISHED.search(match[0]) else match.span()


def _known(kind: str, expression: str, needs: str = "") -> Pattern:
    return Pattern(
        kind,
        re.compile(rf"(?<![A-Za-z0-9])(?:{expression})(?![A-Za-z0-9])"),
        _published,
        needs=needs,
    )


_NAME = (
    r"(?<![A-Za-z])(?:[A-Za-z0-9]{1,12}[_-]){0,2}"
    r"(?:api[_-]?key|apikey|secret[_-]?access[_-]?key|access[_-]?key|secret[_-]?key|client[_-]?secret|private[_-]?key|auth[_-]?token"
    r"|access[_-]?token|account[_-]?key|token|secret|passwd|password|passphrase|pwd)[\"'`]?"
    r"(?:\s{0,2}(?:=>|:=|[=:])\s{0,2}|\s(?:is|of)\s)[\"'`]?"
)
SECRETS = (
    _known("AWS key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    _known("GitHub token", r"gh[pousr]_[A-Za-z0-9]{36,251}", "gh"),
    _known("GitHub token", r"github_pat_[A-Za-z0-9_]{22,255}", "github_pat_"),
    _known("GitLab token", r"gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_-]{20,}", "gl"),
    _known("Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}", "xox"),
    _known("Slack token", r"xapp-\d-[A-Z0-9]{6,}-\d{6,}-[a-z0-9]{32,}", "xapp-"),
    _known(
        "Slack webhook",
        r"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}",
        "hooks.slack.com",
    ),
    _known("Google key", r"AIza[0-9A-Za-z_-]{35}", "AIza"),
    _known("Google secret", r"GOCSPX-[0-9A-Za-z_-]{28}", "GOCSPX-"),
    _known("Stripe key", r"(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,}", "k_"),
    _known("API key", r"sk-(?:proj-|svcacct-|ant-)?[A-Za-z0-9_-]{32,}", "sk-"),
    _known("Hugging Face token", r"hf_[A-Za-z0-9]{30,}", "hf_"),
    _known("npm token", r"npm_[A-Za-z0-9]{36}", "npm_"),
    _known("PyPI token", r"pypi-[A-Za-z0-9_-]{50,}", "pypi-"),
    _known("SendGrid key", r"SG\.[\w-]{22}\.[\w-]{43}", "SG."),
    _known("DigitalOcean token", r"do[opr]_v1_[a-f0-9]{64}", "_v1_"),
    _known("Groundwork key", r"gw_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", "gw_"),
    _known("Telegram token", r"\d{8,10}:AA[A-Za-z0-9_-]{33}", ":AA"),
    Pattern(
        "JSON web token",
        re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}(?![\w-])"),
        _jwt,
        needs="eyJ",
    ),
    Pattern(
        "password in a URL",
        re.compile(r"(?<=[a-z0-9]://)[^\s/@:\"'<>]{0,64}:(?P<value>[^\s/@\"'<>]{3,})@(?=[\w\[])"),
        _password,
        needs="://",
    ),
    Pattern(
        "bearer token",
        re.compile(r"(?<!\w)(?:bearer|basic)\s{1,2}(?P<value>[\w.~+/-]{16,}={0,2})", re.IGNORECASE),
        _random,
    ),
    Pattern(
        "secret",
        re.compile(_NAME + r"(?P<value>[^\s\"'`,;<>]{7,}[^\s\"'`,;<>.:!?)\]}])", re.IGNORECASE),
        _random,
    ),
)
