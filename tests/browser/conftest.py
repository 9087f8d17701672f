from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.chat_double import Double, Loopback
from tests.browser.chat_page import ChatPage

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Without it these tests are skipped, in CI they fail.

    One a module: while Playwright runs, no other event loop can run in this thread, and the tests
    after these need one.
    """
    path = shutil.which("chromium")
    if path is None:
        missing = "chromium is not installed (on Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def loopback() -> Iterator[Double]:
    with Loopback() as double:
        yield double


@pytest.fixture
def double(loopback: Double) -> Double:
    """The scripted service, fresh for each test."""
    loopback.reset()
    return loopback


@pytest.fixture
def context(browser: Browser, loopback: Double) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1100, "height": 800}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=loopback.url)
    yield context
    context.close()


@pytest.fixture
def chat(context: BrowserContext, double: Double) -> Iterator[ChatPage]:
    """The page, open; whatever the test did, it stayed on its origin and within its policy."""
    chat = ChatPage(context.new_page(), double.url).open()
    yield chat
    chat.assert_quiet()


@pytest.fixture(scope="module")
def lab(browser: Browser, loopback: Double) -> Iterator[ChatPage]:
    """One open page a module, for tests of its modules."""
    page = browser.new_page()
    yield ChatPage(page, loopback.url).open()
    page.close()
