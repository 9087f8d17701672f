"""The manifest asks for what the app uses: no less, and no more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from groundwork.core.settings import SlackSettings
from groundwork.serving.slack import intake, outbox
from groundwork.serving.slack.app import PATH

MANIFEST: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "deploy/slack/manifest.yaml").read_text()
)
# By Slack's reference: what a method or an event needs.
PLACES = ("channels", "groups", "im", "mpim")
HISTORY, READ = {f"{place}:history" for place in PLACES}, {f"{place}:read" for place in PLACES}
NEEDS = {
    "auth_test": set(),
    "chat_update": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_getPermalink": set(),
    "conversations_info": READ,
    "conversations_replies": HISTORY,
    "conversations_history": HISTORY,
    "reactions_add": {"reactions:write"},
    "assistant_threads_setSuggestedPrompts": {"assistant:write"},
    "app_mention": {"app_mentions:read"},
    "assistant_thread_started": {"assistant:write"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
    "reaction_added": {"reactions:read"},
}


def test_scopes_are_those_of_what_is_called_and_heard() -> None:
    source = Path(outbox.__file__).read_text()
    called = set(re.findall(r"self\._client\.(\w+)", source))
    assert called <= set(NEEDS)
    heard = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    needed = set().union(*(NEEDS[each] for each in {*called, *heard})) | {"commands"}
    scopes = MANIFEST["oauth_config"]["scopes"]["bot"]
    assert set(scopes) == needed
    assert len(scopes) == len(set(scopes))


def test_events_are_those_that_are_listened_to() -> None:
    heard = {
        each.partition(".")[0] for each in MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    }
    source = Path(intake.__file__).read_text()
    assert heard == set(re.findall(r'app\.event\("(\w+)"\)', source))


def test_addresses_and_the_command_are_the_apps() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]
    settings = MANIFEST["settings"]
    urls = {
        command["url"],
        settings["interactivity"]["request_url"],
        settings["event_subscriptions"]["request_url"],
    }
    assert {url.removeprefix("https://groundwork.example.com") for url in urls} == {PATH}
    assert command["command"] == SlackSettings().command
    assert len(MANIFEST["display_information"]["description"]) <= 140
