"""The cost page in headless Chromium, over the real endpoints: its figures are those of `groundwork cost report`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from groundwork.core.metering.accounts import Accounts
from groundwork.core.metering.database import reading
from groundwork.core.metering.keys import NewKey
from groundwork.core.metering.periods import Period, day_start
from groundwork.core.metering.prices import embedded_book
from groundwork.core.metering.query import CostQuery
from groundwork.core.metering.summary import summary
from groundwork.core.money import parse_dollars
from groundwork.core.settings import Settings
from tests.browser.chat_page import ChatPage
from tests.browser.cost_service import CostService
from tests.core.ledgers import fill, random_rows

pytestmark = pytest.mark.browser

NOW = day_start("2026-11-20")
NOVEMBER = Period.parse(month="2026-11")


class CostPage(ChatPage):
    """The page as a test drives it."""

    def open(self, query: str = "?month=2026-11") -> CostPage:
        self.page.goto(f"{self.url}/costs{query}")
        return self.loaded()

    def loaded(self) -> CostPage:
        expect(self.page.locator("#days .plot")).to_be_visible()
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)
        return self

    def figure(self, name: str) -> str:
        """The exact amount of a headline, out of the line below it."""
        text = self.page.locator(f"[data-figure={name}] .detail").inner_text()
        return plain(text.removesuffix(" USD"))

    def bars(self, by: str) -> dict[str, str]:
        """The rows of a breakdown, all of them."""
        panel = self.page.locator(f"section[data-by={by}]").first
        more = panel.get_by_role("button", name=re.compile("Show .* more"))
        if more.count():
            more.click()
        rows = panel.locator("tbody tr").all()
        return {row.get_attribute("data-value") or "": amount(row) for row in rows}


def plain(text: str) -> str:
    return text.replace(",", "").replace("−", "-")


def amount(row: Locator) -> str:
    return plain(row.locator(".amount").inner_text())


def same(shown: str, exact: str) -> bool:
    return parse_dollars(shown) == parse_dollars(exact)


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    accounts = Accounts.open(Settings(home=tmp_path_factory.mktemp("costs")), embedded_book())
    fill(accounts.ledger, *random_rows(1200))
    accounts.budgets.set(
        scope="team", subject="search", period="month", picodollars=10**18, actor="test"
    )
    yield accounts
    accounts.ledger.close()


@pytest.fixture(scope="module")
def service(accounts: Accounts) -> Iterator[CostService]:
    with CostService(accounts, NOW) as running:
        yield running


@pytest.fixture
def costs(browser: Browser, service: CostService) -> Iterator[CostPage]:
    """The page; whatever the test did, it stayed on its origin and within its policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    # The page's own month follows the clock.
    page.clock.set_fixed_time("2026-11-20T00:00:00Z")
    shown = CostPage(page, service.url)
    yield shown
    shown.assert_quiet()
    context.close()


def reported(service: CostService, query: CostQuery, *include: str) -> dict[str, Any]:
    with reading(service.accounts.ledger.engine) as connection:
        return summary(connection, query, include, NOW)


def test_the_figures_are_those_of_the_report(costs: CostPage, service: CostService) -> None:
    costs.open()
    (total,) = reported(service, CostQuery(NOVEMBER))["totals"]
    assert same(costs.figure("total"), total["amount"])
    assert same(costs.figure("evaluation"), total["evaluation"])
    without = parse_dollars(total["amount"]) - parse_dollars(total["evaluation"])
    assert parse_dollars(costs.figure("answers")) == without
    for by in ("team", "model", "stage", "release", "user"):
        rows = reported(service, CostQuery.of(NOVEMBER, [by]))["rows"]
        shown = costs.bars(by)
        assert shown.keys() == {row[by] for row in rows}
        assert all(same(shown[row[by]], row["amount"]) for row in rows), by
        assert sum(map(parse_dollars, shown.values())) == parse_dollars(total["amount"])


def test_spend_by_day_has_a_table_and_keys(costs: CostPage, service: CostService) -> None:
    costs.open()
    panel = costs.page.locator("#days")
    panel.get_by_text("Table").click()
    rows = {row["day"]: row for row in reported(service, CostQuery.of(NOVEMBER, ["day"]))["rows"]}
    shown = panel.locator("tbody tr").all()
    assert len(shown) == 30
    for row in shown:
        cells = row.locator("th, td").all_inner_texts()
        exact = rows[cells[0]]["amount"] if cells[0] in rows else "0"
        assert same(plain(cells[-1]), exact)
    panel.locator(".days").focus()
    costs.page.keyboard.press("ArrowRight")
    expect(panel.locator(".readout")).to_contain_text("Sun, 1 Nov 2026")
    costs.page.keyboard.press("ArrowRight")
    expect(panel.locator(".readout")).to_contain_text("Mon, 2 Nov 2026")
    expect(panel.locator(".day.chosen")).to_have_count(1)
    assert panel.locator(".plot").get_attribute("role") == "img"


def test_the_dearest_answer_down_to_its_charges(costs: CostPage, service: CostService) -> None:
    costs.open()
    dearest = reported(service, CostQuery(NOVEMBER), "outliers")["outliers"][0]
    panel = costs.page.locator("#outliers")
    assert same(amount(panel.locator("tbody tr").first), dearest["amount"])
    opener = panel.get_by_role("button", name=dearest["request"])
    opener.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    charges = panel.get_by_role("region", name=f"Charges of {dearest['request']}")
    expect(charges).to_be_visible()
    parts = [parse_dollars(amount(row)) for row in charges.locator("tbody tr").all()]
    assert sum(parts) == parse_dollars(dearest["amount"])
    opener.press("Enter")
    expect(charges).to_be_hidden()


def test_filters_are_in_the_address_and_the_back_button_works(
    costs: CostPage, service: CostService
) -> None:
    costs.open()
    whole = costs.figure("total")
    costs.page.locator("section[data-by=team]").get_by_role("button", name="search").click()
    chip = costs.page.get_by_role("button", name="Remove the filter team: search")
    expect(chip).to_be_visible()
    assert costs.page.url.endswith("/costs?month=2026-11&team=search")
    search = CostQuery.of(NOVEMBER, (), {"team": ["search"]})
    costs.loaded()
    assert same(costs.figure("total"), reported(service, search)["totals"][0]["amount"])
    shared = costs.page.url
    costs.page.go_back()
    expect(chip).to_be_hidden()
    costs.loaded()
    assert costs.figure("total") == whole
    costs.page.goto(shared)
    costs.loaded()
    chip.click()
    expect(chip).to_be_hidden()
    costs.loaded()
    assert costs.figure("total") == whole


def test_a_filter_out_of_the_lists(costs: CostPage) -> None:
    costs.open()
    costs.page.get_by_label("Only").select_option("model")
    costs.page.get_by_label("Value of the filter").select_option("small")
    expect(costs.page.get_by_role("button", name="Remove the filter model: small")).to_be_visible()
    costs.loaded()
    assert costs.bars("model").keys() == {"small"}


def test_periods(costs: CostPage, service: CostService) -> None:
    costs.open("")
    expect(costs.page.get_by_role("heading", level=2)).to_have_text("November 2026")
    costs.page.get_by_role("button", name="Last month").click()
    expect(costs.page.get_by_role("heading", level=2)).to_have_text("October 2026")
    assert costs.page.url.endswith("?month=2026-10")
    costs.page.get_by_label("Up to, excluded").fill("2026-10-13")
    expect(costs.page.get_by_role("heading", level=2)).to_have_text(
        "1 October 2026 to 12 October 2026"
    )
    costs.loaded()
    days = Period.parse("2026-10-01", "2026-10-13")
    assert same(costs.figure("total"), reported(service, CostQuery(days))["totals"][0]["amount"])
    costs.open("?from=2026-01-01&to=2027-01-01")
    expect(costs.page.locator("#days-title")).to_have_text("Spend by month")


def test_a_period_without_charges(costs: CostPage) -> None:
    costs.open("?month=2020-02")
    expect(costs.page.locator("#days .readout")).to_have_text("Nothing was charged.")
    expect(costs.page.locator("[data-figure=total]")).to_contain_text("nothing was charged")


def test_budgets_and_the_end_of_the_month(costs: CostPage, service: CostService) -> None:
    costs.open()
    found = reported(service, CostQuery(NOVEMBER), "budgets", "forecast")
    month = costs.page.locator("#month")
    expect(month).to_contain_text("expected by the end of the month, 80 % between")
    expect(month).to_contain_text(found["forecast"][0]["method"])
    budget = costs.page.locator(".budget")
    expect(budget).to_contain_text("team search")
    spent = found["budgets"][0]["spent"]
    shown = costs.module("amounts.js", '(m, text) => m.rounded(m.pico(text), "USD")', spent)
    expect(budget).to_contain_text(f"{shown} of $1,000,000.00 a month")
    expect(budget.locator(".ahead")).to_have_count(1)


def test_downloads_are_the_exports(costs: CostPage, tmp_path: Path) -> None:
    costs.open("?month=2026-11&team=search")
    for name, suffix in (("CSV", "csv"), ("Parquet", "parquet"), ("FOCUS", "csv")):
        with costs.page.expect_download() as waiting:
            costs.page.get_by_role("link", name=name, exact=True).click()
        download = waiting.value
        kind = "focus" if name == "FOCUS" else "costs"
        assert download.suggested_filename == f"groundwork-{kind}-2026-11-01-2026-12-01.{suffix}"
        download.save_as(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000


def test_a_key_is_asked_for_and_goes_along_with_downloads(browser: Browser, tmp_path: Path) -> None:
    accounts = Accounts.open(Settings(home=tmp_path), embedded_book())
    fill(accounts.ledger, *random_rows(20))
    _, secret = accounts.keys.create(NewKey(name="finance", scopes=("costs",)), "test")
    with CostService(accounts, NOW) as service:
        shown = CostPage(browser.new_page(), service.url)
        shown.page.goto(f"{service.url}/costs?month=2026-11")
        shown.page.get_by_label("Key", exact=True).fill(secret)
        shown.page.get_by_role("button", name="Use this key").click()
        shown.loaded()
        with shown.page.expect_download() as waiting:
            shown.page.get_by_role("link", name="CSV", exact=True).click()
        waiting.value.save_as(tmp_path / "costs.csv")
        shown.assert_quiet()
        shown.page.close()
    accounts.ledger.close()
    assert (tmp_path / "costs.csv").read_bytes().startswith(b'"charge","at"')


def test_what_the_service_refuses_is_said(costs: CostPage) -> None:
    costs.page.goto(f"{costs.url}/costs?month=2026-11&kind=free")
    expect(costs.page.get_by_role("alert")).to_contain_text("A kind is one of usage")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_narrow_windows_in_both_themes(
    browser: Browser, service: CostService, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 700}, color_scheme=scheme)  # type: ignore[arg-type]
    shown = CostPage(context.new_page(), service.url)
    shown.open()
    wide = shown.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    shown.assert_quiet()
    context.close()


@pytest.mark.parametrize(
    ("text", "exact", "rounded"),
    [
        ("0", "0", "$0"), ("1234567.5", "1,234,567.5", "$1,234,567.50"), ("-0.00000000036", "−0.00000000036", "−$0.00000000036"),
        ("0.999999", "0.999999", "$1.00"), ("0.0123456", "0.0123456", "$0.012"), ("9223372036854.775807", "9,223,372,036,854.775807", "$9,223,372,036,854.78"),
    ],
)  # fmt: skip
def test_amounts_are_exact(lab: ChatPage, text: str, exact: str, rounded: str) -> None:
    assert lab.module("amounts.js", "(m, text) => m.exact(m.pico(text))", text) == exact
    assert lab.module("amounts.js", '(m, text) => m.rounded(m.pico(text), "USD")', text) == rounded


def test_columns_stand_at_their_decimal_points(lab: ChatPage) -> None:
    found = lab.module("amounts.js", "(m, texts) => m.aligned(texts.map(m.pico))", ["1", "0.25", "-3.125"])  # fmt: skip
    assert found == ["1.000", "0.250", "−3.125"]
