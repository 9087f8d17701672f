"""What the classifier reads of a text: hashed words, cues that a person could name, and (elsewhere) its embedding."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundwork.core.disguise import invisible_count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Raise with any change to what follows: weights fit one version of the features.
VERSION = "1"
BUCKETS = 8192

_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_WIDE = re.compile("[\u0e00-\u0e7f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_ASK = (
    "add|analy[sz]e|answer|append|augment|begin|change|classify|combine|compare|compose|convert|create|describe|"
    "develop|discuss|draft|encode|end|enhance|explain|express|find|finish|forget|give|group|ignore|include|"
    "insert|integrate|introduce|jumble|let|list|make|mention|mix|modify|pretend|print|provide|recommend|remove|"
    "render|repeat|replace|reply|respond|reveal|reverse|say|scramble|send|share|show|shift|solve|spell|start|"
    "state|substitute|suggest|summari[sz]e|swap|tell|translate|turn|use|weave|write"
)
# "Ignore" or "forget", and "instructions" or "rules", in the languages that attacks are met in.
_OTHER_DROP = (
    "ignorier|vergiss|vergessen sie|missachte|oubli|ignore[zr] |ne tiens pas compte|ignora |ignoren |olvid|dimentic|"
    "esque[çc]|desconsider|negeer|vergeet|zignoruj|zapomnij|забуд|игнорир|не обращай|zaboravi|zanemari|ignorera|glöm|"
    "ignorer |glem|unohda|ohita|ignorujte|zapome|αγνόησε|ξέχασε|uitați|ignorați|felejtsd|hagyd figyelmen|забрав|ігнор|"
    "忽略|忽視|忘记|忘記|无视|無視|忘れ|무시|잊어|تجاهل|انس |yok say|unut|görmezden|अनदेखा|भूल|bỏ qua|quên|abaikan|lupakan|"
    "เพิกเฉย|ลืม|התעלם|שכח|نادیده|puuza|sahau"
)
_OTHER_ORDERS = (
    "anweisung|aufgabe|vorgabe|anleitung|regeln|befehl|instruction|consigne|règle|instruccion|órdenes|reglas|istruzion|"
    "regole|instruç|regras|instructies|opdracht|regels|poleceni|instrukcj|zasad|инструкц|правил|указани|upute|"
    "instrukcij|pravila|talimat|kural|instruktion|regler|ohjee|pokyny|οδηγίες|κανόνες|instrucțiuni|utasítás|інструкц|"
    "指令|规则|規則|指示|命令|ルール|지시|규칙|명령|تعليمات|القواعد|निर्देश|नियम|chỉ dẫn|hướng dẫn|instruksi|perintah|คำสั่ง|"
    "הוראות|دستور|maagizo"
)
_CUES: tuple[tuple[str, str], ...] = (
    ("asks first", rf"^\W*(?:please\s+|now\s+|then\s+|instead\s+)?(?:{_ASK})\b"),
    ("asks", rf"(?:[.!?:,]\s+|\band\s+|\bnow,?\s+|\bplease\s+)(?:{_ASK})\b"),
    ("question first", r"^\W*(?:what|who|why|how|when|where|which|can|could|is|are|do|does|did|will)\b"),
    ("question mark", r"\?"),
    ("your output", r"\b(?:your|the|this)\s+(?:\w+\s+)?(?:answer|response|reply|output|repl(?:y|ies)|responses)\b"),
    ("in your answer", r"\b(?:in|to|of|into|with)\s+(?:your|the)\s+(?:\w+\s+)?(?:answer|response|reply|output)\b"),
    ("your prompt", r"\b(?:your|system|hidden|secret|initial|full|original)\s+(?:\w+\s+)?(?:prompts?|instructions?|guidelines?|messages?|rules|directives?)\b"),
    ("drop", r"\b(?:ignor\w*|disregard\w*|forget|overrid\w*|neglect|bypass\w*|skip|set aside|drop|leave aside)\b"),
    ("prior", r"\b(?:previous|prior|above|earlier|preceding|foregoing|original|initial|before)\b"),
    ("orders", r"\b(?:instructions?|directions?|rules|orders|guidelines|commands|tasks?|assignments?)\b"),
    ("drop prior orders", r"\b(?:ignor\w*|disregard\w*|forget|overrid\w*|neglect|drop)\b.{0,40}\b(?:previous|prior|above|earlier|preceding|all|every\w*|your)\b.{0,40}\b(?:instructions?|directions?|rules|orders|guidelines|commands|tasks?|told|said|assignments?)\b"),
    ("drop everything", r"\b(?:ignore|forget|disregard)\s+(?:about\s+)?(?:everything|all|it all|the (?:documents|articles|context))\b"),
    ("role", r"\b(?:you are now|act as|act like|pretend|imagine you|role-?play\w*|from now on|simulate|you will be|i want you to)\b"),
    ("you are", r"\byou(?:'re| are)\b"),
    ("model words", r"\b(?:a\.?i\.?|llm|language model|chat ?bot|assistant|gpt|chatgpt|dan|jailbreak\w*|unfiltered|uncensored|restrictions?)\b"),
    ("role marker", r"(?:^|\n)\s*(?:system|assistant|user|human|ai)\s*:|\[/?(?:inst|system)\]|<\|?/?(?:im_start|im_end|system|context)\|?>|###\s*(?:instruction|response|system)"),
    ("praise", r"\b(?:well done|great work|very good|perfect|excellent|congratulations|that is enough|sehr gut|bravo)\b"),
    ("new task", r"\b(?:new|next|another|neue)\s+(?:task|assignment|instructions?|orders?|aufgaben?|anweisungen?)\b"),
    ("second person", r"\b(?:you|your|yours|yourself|du|dein\w*|sie|tu|vous|usted|tú)\b"),
    ("first person", r"\b(?:i|my|me|we|our|ich|mein\w*)\b"),
    ("say", r"\b(?:say|print|output|repeat|sag|just say)\b"),
    ("reader", r"\b(?:users?|readers?|people|everyone|visitors?)\b"),
    ("link", r"https?://|www\.|\b[\w-]+\.(?:com|net|org|io|example|xyz)\b"),
    ("send or run", r"\b(?:curl|wget|send|upload|forward|exfiltrat\w*|download|install)\b"),
    ("cipher", r"\b(?:base64|rot13|morse|cipher|anagrams?|emojis?|backwards|binary|hexadecimal|alphabet|letters?|vowels?|spaces|capital|symbols?)\b"),
    ("quote", r"[\"“”'‘’].{3,}[\"“”'‘’]"),
    ("code", r"[{}<>;=`_]|\(\)|--\w|::|/\w+/"),
    ("shout", r"\b[A-Z]{3,}(?:\s+[A-Z]{2,}){2,}"),
    ("other drop", _OTHER_DROP),
    ("other orders", _OTHER_ORDERS),
    ("other drop orders", rf"(?:{_OTHER_DROP}).*(?:{_OTHER_ORDERS})|(?:{_OTHER_ORDERS}).*(?:{_OTHER_DROP})"),
    ("exclamation", r"!"),
)  # fmt: skip
_COMPILED = [re.compile(pattern, re.IGNORECASE) for _, pattern in _CUES]
_BLOB = re.compile(r"[A-Za-z0-9+/=%\\]{24,}")
NUMBERS = (
    "log length", "not ASCII", "capitals", "blob", "invisible", "novelty", "decoded", "short",
)  # fmt: skip
NAMES = (*(name for name, _ in _CUES), *NUMBERS)


def buckets(text: str) -> list[int]:
    """Hashed words, pairs and triples of words, and pairs of letters of scripts without blanks; each once, sorted."""
    tokens = [token.lower() for token in _TOKEN.findall(text)][:400]
    grams = set(tokens)
    grams.update(" ".join(tokens[n : n + 2]) for n in range(len(tokens) - 1))
    grams.update(" ".join(tokens[n : n + 3]) for n in range(len(tokens) - 2))
    for run in _WIDE.findall(text):
        grams.update(run[n : n + 2] for n in range(len(run) - 1))
    return sorted({zlib.crc32(gram.encode("utf-8", "replace")) % BUCKETS for gram in grams})


def cues(text: str, *, novelty: float = 0.0, decoded: bool = False) -> list[float]:
    """One number a name in `NAMES`, each about between 0 and 1.

    `novelty`: see `windows.novelties`. `decoded`: the text was read out of a disguise.
    """
    length = max(len(text), 1)
    found = [1.0 if pattern.search(text) else 0.0 for pattern in _COMPILED]
    letters = sum(letter.isalpha() for letter in text) or 1
    return [
        *found,
        math.log(length) / 8,
        0.0 if text.isascii() else sum(ord(letter) > 127 for letter in text) / length,
        sum(letter.isupper() for letter in text) / letters,
        1.0 if _BLOB.search(text) else 0.0,
        min(1.0, invisible_count(text) / 4),
        novelty,
        float(decoded),
        1.0 if length < 40 else 0.0,
    ]


def dense(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Cues of several texts, (texts, len(NAMES))."""
    import numpy as np

    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(NAMES))
