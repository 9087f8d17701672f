"""The chat page as a test drives it. Works against the double and against the real service alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, Request, expect

WATCH_POLICY = """
    window.policyViolations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
        window.policyViolations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
"""


@dataclass
class ChatPage:
    """The page and its parts. `watch` is on from the start: see `assert_quiet`."""

    page: Page
    url: str
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(WATCH_POLICY)
        self.page.on("dialog", self._on_dialog)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        self.page.on("request", self._on_request)

    def _on_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _on_console(self, message: ConsoleMessage) -> None:
        # A refused request is the service's answer; that the page shows it has tests of its own.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def _on_request(self, request: Request) -> None:
        there, here = urlsplit(request.url), urlsplit(self.url)
        local = (there.scheme, there.netloc) == (here.scheme, here.netloc)
        if not local and there.scheme != "data":
            self.foreign.append(request.url)

    def open(self) -> ChatPage:
        self.page.goto(self.url)
        expect(self.question).to_be_focused()
        return self

    def assert_quiet(self) -> None:
        """No dialog, no script error, no breach of the policy, nothing from another origin."""
        assert self.dialogs == []
        assert self.errors == []
        assert self.foreign == []
        assert self.page.evaluate("window.policyViolations ?? []") == []

    # Parts

    @property
    def question(self) -> Locator:
        return self.page.get_by_role("textbox", name="Your question")

    @property
    def turns(self) -> Locator:
        return self.page.get_by_role("article")

    @property
    def turn(self) -> Locator:
        """The newest question and its answer."""
        return self.turns.last

    @property
    def text(self) -> Locator:
        """The newest answer's text."""
        return self.turn.locator(".prose")

    @property
    def card(self) -> Locator:
        """The passage card."""
        return self.page.get_by_role("group", name="Cited passage")

    @property
    def announcements(self) -> list[str]:
        return self.page.get_by_role("log").locator("p").all_inner_texts()

    def mark(self, n: int) -> Locator:
        """The first mark of this number in the newest answer."""
        return self.text.locator(".cite").filter(has_text=str(n)).first

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    # Steps

    def send(self, question: str) -> None:
        """Ask, without waiting for the answer."""
        self.question.fill(question)
        self.question.press("Enter")

    def ask(self, question: str = "How do I roll back?", *, state: str = "done") -> Locator:
        """Ask, wait for that outcome (done, abstained, failed or stopped), and give the turn back."""
        before = self.turns.count()
        self.send(question)
        expect(self.turns).to_have_count(before + 1)
        expect(self.turn).to_have_attribute("data-state", state)
        return self.turn

    def module(self, name: str, expression: str, argument: Any = None) -> Any:
        """Evaluate `expression`, a function of (module, argument), on one of the page's modules."""
        script = f"async (argument) => ({expression})(await import('/static/{name}'), argument)"
        return self.page.evaluate(script, argument)
