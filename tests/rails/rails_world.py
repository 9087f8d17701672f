"""What the rails' tests share: policies, passages and things to find."""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.core.documents import Chunk
from groundwork.guardrails.guard import Guard
from groundwork.guardrails.policy import parse_policy
from groundwork.guardrails.rails.base import Parts
from groundwork.retrieval.passages import Passage

CANARY = "c0ffee5eed123456"

OUTPUT = """
version: 1
rails:
  - {rail: secrets, on: [input, output], action: redact, fail: closed}
  - {rail: personal_data, on: [input, output], action: redact}
  - {rail: links, on: [output], action: redact}
  - {rail: banned, on: [output], action: redact, options: {competitors: [Acme Search Engine, Foo]}}
  - {rail: prompt_leak, on: [output], action: block}
"""

# Values that do not occur elsewhere: kind, value.
SEEDED = [
    ("AWS key", "AKIAQ3EGFMX7TRSQ2BWN"),
    ("GitHub token", "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
    ("Slack token", "xoxb-2345678901-2345678901234-AbCdEfGhIjKlMnOpQrStUvWx"),
    (
        "JSON web token",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5ODc2NTQzMjEwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    ),
    ("e-mail address", "joe.black@acme-mail.io"),
    ("card number", "4539 9889 1572 0591"),
    ("card number", "5213591727586604"),
    ("IBAN", "DE89 3704 0044 0532 0130 00"),
    ("IP address", "58.74.121.78"),
    ("IP address", "2a00:1450:4001:82f::200e"),
    ("social security number", "531-21-7351"),
    ("phone number", "+1 415 555 2671"),
    ("link", "https://evil.example.io/c?d=SGVsbG8gd29ybGQ"),
    ("competitor", "Acme  Search Engine"),
    (
        "private key",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAwJx4Zc9q7Vb1\nYQ==\n-----END RSA PRIVATE KEY-----",
    ),
]


def chunk(text: str, number: int = 0, revision: str = "r1") -> Chunk:
    return Chunk(
        id=f"c{number}", page="guide.md", ordinal=number, title="Guide", url=None, anchor="", heading_path=("Guide",),
        revision=revision, start=0, end=len(text), text=text, embedding_text=text, digest=f"d{number}", units=(),
    )  # fmt: skip


def passage(text: str, number: int = 0) -> Passage:
    return Passage(chunk(text, number), score=1.0, dense=0.8, sparse=3.0)


def supported(sentence: str, passages: Sequence[Passage]) -> float:
    return 1.0 if any(sentence in each.chunk.text for each in passages) else 0.0


def guard(policy: str = OUTPUT, parts: Parts | None = None) -> Guard:
    parts = parts or Parts(support=supported, known_hosts=lambda index: frozenset({f"{index}.dev"}))
    return Guard(parse_policy(policy, "policy.yaml"), parts, canary=CANARY)
