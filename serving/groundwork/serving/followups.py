"""Does a question lean on the one before, and what was that one about: by words alone, without a model.

A question that stands alone must stay as it is, so each rule names a form that hardly ever stands alone. The rules
were chosen on half of a labelled set of dialogues (`make bench BENCH=followups`, docs/decisions/conversations.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

VERSION = "followups-1"

_WORD = re.compile(r"--?[\w-]+|[\w./@:-]*\w", re.UNICODE)
# What code is written with: pkg.func, snake_case, call(), --flag, /path, camelCase, UPPER_CASE, v1.2, 404.
_IDENTIFIER = re.compile(r"\w[._/:@]\w|_|^--|^/|[a-z][A-Z]|^[A-Z]{2,}|\d")

# "And …", "What about …": the beginning of a sentence that goes on.
_LEAD = re.compile(
    r"(?:and|but|or|so|then|also|plus|ok(?:ay)?|yes|no|right|thanks|thank you|hmm)(?![\w-])[\s,.!:]*"
    r"|(?:(?:what|how) (?:about|of)|what if|why not|in (?:that|this) case|otherwise|same (?:for|with)"
    r"|likewise|instead)\b\s*",
    re.IGNORECASE,
)
# A fragment that begins with a preposition or an article: "On Windows?", "The limit as well?".
_FRAGMENT = re.compile(
    r"(?:for|with|without|on|in|at|by|via|from|to|as|per|except|the|a|an|only|even|not|just|after|before|during"
    r"|over|under|any|all|every|each|my|our)\s",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:what|which|who|whose|when|where|why|how|is|are|was|were|am|do|does|did|can|could|may|might|must|shall"
    r"|should|will|would|has|have|had)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:.!?](?=\s)|\b(?:and|or|if|when|while|once|after|before|because|so|that|which|but)\b"
)
# "is it possible to", "how long does it take to": it stands for what follows.
_EXPLETIVE = re.compile(
    r"\b(?:is|was|would|will|does|can|may|it)\s*(?:it|be|is)?\s*(?:possible|safe|necessary|required|needed|worth"
    r"|ok(?:ay)?|allowed|better|enough|normal|best|recommended|true|wise|mandatory|make sense)\s+(?:to|that|for|if)\b"
    r"|\bit takes?\s+(?:\S+\s+){0,3}to\b|\b(?:does|will|would|can) it (?:take|cost|matter|help)\s+(?:\S+\s+){0,2}"
    r"(?:to|that|if|whether)\b"
    r"|\b(?:is|was|does|did) it (?:called|known|named|mean for|said|determined|decided|true)\b"
    r"|\b(?:on|of|in|by) (?:its|their) own\b|\bin (?:itself|themselves)\b",
    re.IGNORECASE,
)
_POSSESSIVE = frozenset("its their".split())
# So many telling words before a pronoun are enough for it to mean one of them.
_ENOUGH_WORDS = 3
_PRONOUNS = frozenset("it its itself they them their theirs those these".split())
_POINTING = re.compile(
    r"\b(?:the (?:same|other|others|former|latter|first|second|last) (?:one|ones|thing|way)|the (?:same|other|others)"
    r"(?=\W*$)|(?:that|this|those|these|which|other|another|each|both) ones?|do the same|one of (?:them|those|these)|both of them"
    r"|(?:like|than|for|with|without|about|after|before|from|by|of|in|to|on) (?:that|this|those|these)(?=\W*$|\s+(?:and|or|too))"
    r"|(?:that|this) (?:too|again|instead|way|case|happen\w*|work\w*|mean\w*|appl\w*|do\w*|chang\w*|cost\w*|count\w*"
    r"|affect\w*|go|goes|include\w*|need\w*|take\w*|is|was|also|still|be|safe|necessary|possible|enough|all)\b"
    r"|(?:do|does|did|is|was|will|would|can|could|should|undo|change|turn|set|disable|enable|avoid|prevent|run|use"
    r"|fix|stop|see|do|check|find|configure|increase|raise|lower|limit|delete|remove|repeat|automate|skip|see)"
    r" (?:that|this|those|these)(?=\W*$|\s+(?:off|on|up|down|by|in|from|with|for|to|too|again|work|happen|mean|safe|cost"
    r"|change|apply|the)\b)"
    r"|(?:that|this|these|those) (?:command|setting|option|file|page|error|number|value|limit|version|step|id|key|field"
    r"|header|case|threshold|check|feature|message|format|code|price|rule|list|folder|endpoint|mode|way|one|situation)s?\b"
    r"|what else|anything else|something else|how else|(?:go|put|stored|kept|written|read|look|find) there"
    r"|(?:from|in|out|over) there|too(?=\W*$)|as well(?=\W*$)|instead(?=\W*$)"
    r"|then(?=\W*$)|others\b(?! than)|another(?=\W*$))",
    re.IGNORECASE,
)
_EXISTENTIAL = re.compile(
    r"\b(?:is|are|was|were) there\b|\bthere (?:is|are|was|were)\b", re.IGNORECASE
)

_FUNCTION = frozenset(
    """a about above after again all also am an and any anybody anyone anything are as at be because been before being
    below between both but by can cannot could did do does doing don't down during each either else even ever every few
    for from further get gets getting give given gives go goes got had has have having he help her here him his how
    however i i'd i'm i've if in instead into is isn't it it's its just let like likely make makes many may maybe me
    might more most much must my need needed needs never no nor not now of off on once one ones only or other others
    otherwise our out over own per please quite rather really right same say says she should show shown shows since so
    some somebody someone something soon still such take taken takes tell than thanks that that's the their them then
    there these they thing things think this those through thus to too toward under until up upon us use used uses using
    very via want wants was way ways we were what what's when where whether which while who whom whose why will with
    within without would yes yet you your""".split()
)
# Words that say what is asked about something, not about what.
_GENERIC = frozenset(
    """able actual add added affect allow allowed alternative alternatives apply automatic automatically avoid
    bad basic best better bigger call called case cases cause caused change changed changes check clear come common
    complete consequences contain contains cost costs count counts create created default defaults delete deleted
    detail details difference different difficult disable disabled done easier easiest easy enable enabled enough error
    errors exact exactly example examples exist exists expect expensive explain explanation fail failed fails far fast
    faster find first fix format free full good happen happened happens happening hard high higher important include
    included increase kept keep know large larger last left limit limits list long longer look low lower maximum mean
    meaning means minimum mention mentioned name named names necessary new next number numbers off often okay old option
    options order part permanent point possible prevent problem problems purpose put quick quickly raise read reason
    reasons recommended remove removed repeat required result results return returned run runs safe sample save say see
    set setting settings short slow slower small smaller stay step steps stop store stored sure syntax tell time times
    try turn type types undo unit units usual usually value values view wait work works worth write written wrong
    previous again later else""".split()
)


def is_follow_up(question: str) -> str | None:
    """Why a question leans on an earlier one; None where it stands alone."""
    words = [word.lower() for word in _WORD.findall(question)]
    specific = specific_words(question)
    if not words:
        return None
    if not specific:
        return "names nothing of its own"
    lead = _LEAD.match(question)
    if lead is not None and lead.end() > 0 and _goes_on(question[lead.end() :], specific):
        return "goes on from the question before"
    if _leans(question):
        return "points at something said before"
    if _is_fragment(question, words):
        return "is no whole sentence"
    return None


def specific_words(text: str) -> list[str]:
    """Words that say what a text is about, as written, in order, each once; identifiers are among them."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        key = word.lower().strip("'’")
        if _IDENTIFIER.search(word) or (
            key not in _FUNCTION and key not in _GENERIC and len(key) > 1
        ):
            found.setdefault(key, word)
    return list(found.values())


def topic(questions: Sequence[str], limit: int = 12) -> list[str]:
    """What the conversation is about: the words of its last standalone question, and of follow-ups since.

    `questions` are the user's, oldest first. Empty where no question says what it is about.
    """
    words: dict[str, str] = {}
    for question in reversed(questions):
        for word in specific_words(question):
            words.setdefault(word.lower(), word)
        if is_follow_up(question) is None:
            break
    return list(words.values())[:limit]


def _goes_on(rest: str, specific: Sequence[str]) -> bool:
    """Whether what follows the opening leans too: "So what is an index version and how is it promoted?" does not."""
    if len(specific) <= 2:
        return True
    return _leans(rest) or _ASKS.match(rest) is None


def _leans(question: str) -> bool:
    """Whether a pronoun has nothing to stand for within the question itself."""
    text = _EXISTENTIAL.sub("", question)
    for found in _POINTING.finditer(text):
        before = text[: found.start()]
        if not _is_relative(before, found.group()) and not _has_antecedent(before):
            return True
    text = _EXPLETIVE.sub(" ", question)
    for match in _WORD.finditer(text):
        word, before = match.group().lower(), text[: match.start()]
        if word not in _PRONOUNS or _has_antecedent(before):
            continue
        if word not in _POSSESSIVE or not specific_words(before):
            return True
    return False


def _is_relative(before: str, pointing: str) -> bool:
    """Whether `that` begins a clause about the noun before it: as in: a page that lists all."""
    words = _WORD.findall(before)
    return pointing.lower().startswith("that ") and bool(words) and bool(specific_words(words[-1]))


def _has_antecedent(before: str) -> bool:
    """Whether the question itself has named something that a pronoun behind `before` can stand for."""
    if len(specific_words(before)) >= _ENOUGH_WORDS:
        return True
    clauses = _CLAUSE.split(before)
    return any(specific_words(clause) for clause in clauses[:-1])


def _is_fragment(question: str, words: Sequence[str]) -> bool:
    text = question.strip()
    if len(words) > 6 or not text.endswith("?") or _ASKS.match(text):
        return False
    opening = _FRAGMENT.match(text)
    if opening is None:
        return len(words) <= 2
    # "With which client can I …?" is whole.
    return _ASKS.match(text, opening.end()) is None
