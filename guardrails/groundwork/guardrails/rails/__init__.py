"""The rails, by the names that a policy file uses. A rail is imported when a policy names it."""

from __future__ import annotations

_HERE = "groundwork.guardrails.rails."

# Name in the policy file, then module and class.
RAILS = {
    "abuse": _HERE + "abuse:Abuse",
    "banned": _HERE + "banned:Banned",
    "citations": _HERE + "citations:Citations",
    "encoding": _HERE + "encoding:Encoding",
    "groundedness": _HERE + "groundedness:Groundedness",
    "injection_classifier": _HERE + "injection_classifier:InjectionByClassifier",
    "injection_model": _HERE + "injection_model:InjectionByModel",
    "injection_rules": _HERE + "injection_rules:InjectionRules",
    "invisible": _HERE + "invisible:Invisible",
    "links": _HERE + "links:Links",
    "off_topic": _HERE + "off_topic:OffTopic",
    "personal_data": _HERE + "personal_data:PersonalData",
    "presidio": _HERE + "presidio:Presidio",
    "prompt_leak": _HERE + "prompt_leak:PromptLeak",
    "secrets": _HERE + "secrets:Secrets",
    "size": _HERE + "size:Size",
}
