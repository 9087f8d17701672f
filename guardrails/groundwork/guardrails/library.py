"""guardrails-ai, imported in one place and kept from calling home.

Importing it takes about four CPU-seconds, reads ~/.guardrailsrc, looks for NLTK's punkt and would download it, and
switches telemetry on. None of that is wanted: nothing here touches the network or the user's home.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib import resources
from typing import Any


@cache
def load_library() -> Any:
    """The module `guardrails`, with telemetry and remote inference off."""
    _satisfy_nltk()
    with warnings.catch_warnings():
        # Its dependencies warn about one another; nobody here can act on it.
        warnings.simplefilter("ignore")
        import guardrails
        from guardrails.classes.rc import RC

    quiet = RC(enable_metrics=False, use_remote_inferencing=False)
    # Every Guard reads the file anew and would undo a setting that is only set here.
    RC.load = staticmethod(lambda _logger=None: quiet)
    guardrails.settings.rc = quiet
    return guardrails


def _satisfy_nltk() -> None:
    """An empty `tokenizers/punkt` is enough for what guardrails-ai asks at import, where NLTK is installed.

    The variable NLTK_DATA would do too, but llama-index takes it for its own folder of data.
    """
    try:
        import nltk
    except ModuleNotFoundError:
        return
    bundled = str(resources.files("groundwork.guardrails") / "nltk_data")
    if bundled not in nltk.data.path:
        nltk.data.path.insert(0, bundled)
