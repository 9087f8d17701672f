"""Texts with made-up personal data and keys, every one with its right check digit, and texts that only look like it.

The values are drawn by a seed. Half of the contexts, chosen by their digest, are held out: the rails' patterns were
written with the other half in view.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from groundwork.guardrails.detect.numbers import IBAN_LENGTH, is_persons_address, luhn

CONTEXTS = (
    "{}", "My account is {} and it stopped working.", "Contact: {}", "({})", "Please use {}, not the old one.",
    "user={} failed with status 500", '{{"value": "{}", "ok": true}}', "| name | {} | yes |", "See\n\n    {}\n\nin the log.",
    "2026-03-01T10:00:00Z ERROR worker: {} rejected", "Why does the parser choke on '{}'?", "- {}", "I wrote to {}.",
    "`{}` is what I typed", "value: {} # mine", "Is {} still valid? It was last week.", "<b>{}</b>", "Hi, {} here!",
    "curl -d 'x={}' http://localhost:8080/v1/ask", "{}; then restart", "Customer asked about {} twice:", "export X='{}'",
    "→ {} ←", "Log line: peer {} closed", "I pasted {}\ninto the form", "“{}” was in the ticket",
)  # fmt: skip
LOOK_ALIKES = (
    "order number {n16}", "tracking id {n16}", "invoice {n14}", "commit {sha1}", "sha256:{sha256}", "etag {md5}", "uuid {uuid}",
    "version {quad}", "pip install tool=={quad}", "release v{quad}", "bind to {private}", "route {private}/24", "allow {net}",
    "mail {example}", "git@{host}:{word}/{word}.git", "npm i {word}@{semver}", "icon@2x.png", "systemctl start getty@tty1.service",
    "epoch {epoch13}", "span id {hex16}", "trace {hex32}", "api_key = os.environ['{UPPER}']", "token: <your-token>",
    "password: ${{{UPPER}}}", "secret: {word}-{word}-secret", "Authorization: Bearer $TOKEN", "AKIAIOSFODNN7EXAMPLE",
    "postgres://user:password@localhost/{word}", "{word}.{word}@v{semver}", "page {n3}-{n2}-{n4} of the manual", "port {n4}",
    "mac {mac}", "image {host}/{word}:{semver}", "digest {b64}", "4242 4242 4242 4242 is a test card", "dns 8.8.8.8",
    "addr 2001:db8::{n3}", "time 12:30:45.123456", "decorate with @{word}.{word}", "twitter @{word}", "{n16} rows read",
    "{n4} {n4} {n4} {n4} bytes in four stripes", "token={word}", "secretKeyRef: {word}-{word}", "x@y", "DE{n2} is a postal area",
)  # fmt: skip
_WORDS = "alpha build cache delta engine falcon gateway harbor index jacket kernel lambda meteor nectar orbit".split()
_FIRST = (
    "ana bruno chen dora emil fatima goran hana ivan jun kofi lena marco nadia omar priya".split()
)
_LAST = "alves becker costa dubois eriksen fischer garcia haddad ivanov jensen kim lopez moreau novak okafor".split()
_DOMAINS = "contoso.com fabrikam.net northwind.io tailspin.co.uk litware.de adatum.fr proseware.org wingtip.dev".split()
_HEX = "0123456789abcdef"
_BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Made:
    """A text and the one value in it; no value for a text that only looks as if there were one."""

    text: str
    entity: str | None
    value: str = ""


def held_out(context: str) -> bool:
    """Decided by the context's own digest."""
    return hashlib.sha256(context.encode()).digest()[0] % 2 == 1


def made(seed: int, each: int, *, held: bool) -> Iterator[Made]:
    """`each` texts for every entity, and as many look-alikes as of all entities together."""
    draw = random.Random(seed)
    contexts = [context for context in CONTEXTS if held_out(context) is held]
    look_alikes = [template for template in LOOK_ALIKES if held_out(template) is held]
    for entity, make in MAKERS.items():
        for _ in range(each):
            value = make(draw)
            yield Made(draw.choice(contexts).format(value), entity, value)
    for _ in range(each * len(MAKERS)):
        yield Made(draw.choice(contexts).format(_look_alike(draw, draw.choice(look_alikes))), None)


def _text(draw: random.Random, letters: str, length: int) -> str:
    return "".join(draw.choice(letters) for _ in range(length))


def _digits(draw: random.Random, length: int) -> str:
    return draw.choice("123456789") + _text(draw, string.digits, length - 1)


def _email(draw: random.Random) -> str:
    separator = draw.choice([".", "_", "-", ""])
    tag = draw.choice(["", "", "+docs", str(draw.randint(1, 99))])
    name = f"{draw.choice(_FIRST)}{separator}{draw.choice(_LAST)}{tag}@{draw.choice(_DOMAINS)}"
    return name.title() if draw.random() < 0.2 else name


def _card(draw: random.Random) -> str:
    prefix, length = draw.choice(
        [
            ("4", 16),
            ("51", 16),
            ("55", 16),
            ("2300", 16),
            ("34", 15),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
            ("3530", 16),
        ]
    )
    body = prefix + _text(draw, string.digits, length - len(prefix) - 1)
    number = next(body + digit for digit in string.digits if luhn(body + digit))
    if draw.random() < 0.5:
        return number
    separator = draw.choice([" ", "-"])
    if length == 15:
        return separator.join((number[:4], number[4:10], number[10:]))
    return separator.join(number[n : n + 4] for n in range(0, length, 4))


def _iban(draw: random.Random) -> str:
    country = draw.choice(
        ["DE", "GB", "FR", "NL", "ES", "IT", "CH", "AT", "BE", "PL", "SE", "NO", "PT"]
    )
    letters = string.ascii_uppercase if country in {"GB", "NL"} else ""
    bank = _text(draw, letters, 4) if letters else _text(draw, string.digits, 4)
    body = bank + _text(draw, string.digits, IBAN_LENGTH[country] - 8)
    check = 98 - int("".join(str(int(letter, 36)) for letter in body + country + "00")) % 97
    number = f"{country}{check:02}{body}"
    if draw.random() < 0.5:
        return number
    return " ".join(number[n : n + 4] for n in range(0, len(number), 4))


def _ip(draw: random.Random) -> str:
    while True:
        if draw.random() < 0.7:
            address = ".".join(str(draw.randint(1, 254)) for _ in range(4))
        else:
            groups = [f"{draw.randint(1, 0xFFFF):x}" for _ in range(3)]
            address = f"2a{draw.randint(0, 15):x}{draw.randint(0, 15):x}:{':'.join(groups)}::{draw.randint(1, 0xFFFF):x}"
        if is_persons_address(address):
            return address


def _jwt(draw: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    header = {"alg": draw.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    claims = {"sub": _digits(draw, 10), "name": f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"}
    return f"{part(header)}.{part(claims)}.{_text(draw, _BASE62 + '-_', 43)}"


def _key(draw: random.Random) -> str:
    forms: list[Callable[[], str]] = [
        lambda: draw.choice(["AKIA", "ASIA"]) + _text(draw, string.ascii_uppercase + "234567", 16),
        lambda: draw.choice(["ghp_", "gho_", "ghs_"]) + _text(draw, _BASE62, 36),
        lambda: "github_pat_" + _text(draw, _BASE62, 22) + "_" + _text(draw, _BASE62, 59),
        lambda: "glpat-" + _text(draw, _BASE62 + "_-", 20),
        lambda: f"xoxb-{_digits(draw, 12)}-{_digits(draw, 13)}-{_text(draw, _BASE62, 24)}",
        lambda: "AIza" + _text(draw, _BASE62 + "_-", 35),
        lambda: "sk_live_" + _text(draw, _BASE62, 24),
        lambda: "sk-proj-" + _text(draw, _BASE62 + "_-", 48),
        lambda: "hf_" + _text(draw, _BASE62, 34),
        lambda: "npm_" + _text(draw, _BASE62, 36),
        lambda: "SG." + _text(draw, _BASE62 + "_-", 22) + "." + _text(draw, _BASE62 + "_-", 43),
        lambda: _jwt(draw),
        lambda: (
            "-----BEGIN RSA PRIVATE KEY-----\n"
            + "\n".join(_text(draw, _BASE62 + "+/", 64) for _ in range(4))
            + "\n-----END RSA PRIVATE KEY-----"
        ),
    ]
    return draw.choice(forms)()


def _named_secret(draw: random.Random) -> str:
    name = draw.choice(
        [
            "api_key",
            "API_KEY",
            "client_secret",
            "token",
            "password",
            "aws_secret_access_key",
            "auth_token",
            "DB_PASSWORD",
            "x-api-key",
        ]
    )
    value = draw.choice(
        [
            _text(draw, _HEX, 32),
            _text(draw, _BASE62, 24),
            _text(draw, _BASE62 + "+/", 40),
            _text(draw, _BASE62, 10) + "!" + _digits(draw, 2),
        ]
    )
    return f"{name}{draw.choice(['=', ': ', ' = ', ':'])}{value}"


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "e-mail address": _email,
    "card number": _card,
    "IBAN": _iban,
    "IP address": _ip,
    "key": _key,
    "named secret": _named_secret,
}


def _look_alike(draw: random.Random, template: str) -> str:
    def fill(name: str) -> str:
        if name[0] == "n" and name[1:].isdigit():
            return _digits(draw, int(name[1:]))
        return _FILL[name](draw)

    out = []
    for literal, name, _, _ in string.Formatter().parse(template):
        out.append(literal)
        if name:
            out.append(fill(name))
    return "".join(out)


_FILL: dict[str, Callable[[random.Random], str]] = {
    "sha1": lambda draw: _text(draw, _HEX, 40),
    "sha256": lambda draw: _text(draw, _HEX, 64),
    "md5": lambda draw: _text(draw, _HEX, 32),
    "hex16": lambda draw: _text(draw, _HEX, 16),
    "hex32": lambda draw: _text(draw, _HEX, 32),
    "uuid": lambda draw: "-".join(_text(draw, _HEX, n) for n in (8, 4, 4, 4, 12)),
    "quad": lambda draw: ".".join(str(draw.randint(1, 99)) for _ in range(4)),
    "semver": lambda draw: ".".join(str(draw.randint(0, 30)) for _ in range(3)),
    "private": lambda draw: (
        draw.choice(["10", "192.168", "172.16"]) + ".4.3.2"[: draw.choice([4, 6])]
    ),
    "net": lambda draw: f"{draw.randint(11, 99)}.{draw.randint(1, 200)}.0.0/16",
    "example": lambda draw: (
        f"{draw.choice(_FIRST)}@{draw.choice(['example.com', 'docs.example.org', 'mail.test'])}"
    ),
    "host": lambda draw: draw.choice(["github.com", "gitlab.com", "ghcr.io", "registry.local"]),
    "word": lambda draw: draw.choice(_WORDS),
    "UPPER": lambda draw: draw.choice(_WORDS).upper() + "_TOKEN",
    "epoch13": lambda draw: f"17{_text(draw, string.digits, 11)}",
    "mac": lambda draw: ":".join(_text(draw, _HEX, 2) for _ in range(6)),
    "b64": lambda draw: base64.b64encode(draw.randbytes(24)).decode(),
}
