"""The parts of a crawler that need no server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.ingestion.sources.addresses import AddressRefusedError, check_literal, is_public
from groundwork.ingestion.sources.html_links import read_links
from groundwork.ingestion.sources.robots import parse_robots
from groundwork.ingestion.sources.sitemap import parse_sitemap
from groundwork.ingestion.sources.throttle import TokenBucket
from groundwork.ingestion.sources.urls import Scope, link


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "no address",
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "::ffff:93.184.215.14"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)
    check_literal(address)


def test_literal_hosts() -> None:
    check_literal("docs.example")
    with pytest.raises(AddressRefusedError):
        check_literal("[::1]")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", True),
        ("/private", False),
        ("/private/x", False),
        ("/private/open", True),
        ("/privat", True),
        ("/a.pdf", False),
        ("/a.pdf?x", True),
        ("/x/any/y/end", False),
        ("/x/any/end", False),
        ("/any/x", True),
        ("/caf%C3%A9", False),
        ("/caf\u00e9", False),
        ("/exact", False),
        ("/exact/not", True),
    ],
)
def test_rules_of_robots(path: str, allowed: bool) -> None:
    rules = """
        User-agent: other
        Disallow: /
        User-agent: Groundwork/2
        User-agent: friend
        Disallow: /private   # comment
        Allow: /private/open
        Disallow: /*.pdf$
        Disallow: /x/*/end
        Disallow: /caf\u00e9
        Disallow: /exact$
        Disallow:
    """
    assert parse_robots(rules.encode(), "groundwork/0.1 (x)").allows(path) is allowed


def test_groups_of_one_crawler_are_one_and_delays_are_cut() -> None:
    rules = b"User-agent: a\nDisallow: /x\nSitemap: s\nUser-agent: *\nDisallow: /\nUser-agent: A\nDisallow: /y\nCrawl-delay: 9999"
    robots = parse_robots(rules, "a/1")
    assert [robots.allows(path) for path in ("/x", "/y", "/z")] == [False, False, True]
    assert (robots.crawl_delay, robots.sitemaps) == (60.0, ("s",))
    assert not parse_robots(rules, "b/1").allows("/z")


def test_equally_long_rules_allow() -> None:
    assert parse_robots(b"User-agent: *\nDisallow: /a\nAllow: /a", "x").allows("/a")


def test_a_rule_of_many_wildcards_ends_quickly() -> None:
    rules = b"User-agent: *\nDisallow: /" + b"a*" * 200 + b"z$"
    assert parse_robots(rules, "x").allows("/" + "a" * 2000)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_robots_file_can_be_read(content: bytes, path: str) -> None:
    assert parse_robots(content, "x/1").allows("/" + path) in {True, False}


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("HTTP://Docs.Example:80/a/../b", "http://docs.example/b"),
        ("https://h/a/index.html#x", "https://h/a/"),
        ("https://h/a/?utm_medium=m&b=2&gclid=3", "https://h/a/?b=2"),
        ("https://h/a?b=1&a=%26", "https://h/a?b=1&a=%26"),
        ("https://u:p@h/", "https://h/"),
        ("https://h", "https://h/"),
        ("b?c", "https://base/x/b?c"),
        ("//other/y", "https://other/y"),
        ("mailto:x@y", None),
        ("javascript:void(0)", None),
        ("http://[", None),
    ],
)
def test_normal_forms(address: str, key: str | None) -> None:
    found = link(address, "https://base/x/page")
    assert (found and found.key) == key


@given(st.text(max_size=60))
def test_normal_forms_are_fixed_points(address: str) -> None:
    found = link(address, "https://base/x/")
    if found is not None:
        again = link(found.key)
        assert again is not None
        assert again.key == found.key
        assert found.page.startswith("/")


@pytest.mark.parametrize(
    ("start", "prefix"),
    [
        ("/", "/"),
        ("/docs", "/docs/"),
        ("/docs/", "/docs/"),
        ("/docs/a.html", "/docs/"),
        ("/sitemap.xml", "/"),
    ],
)
def test_scopes(start: str, prefix: str) -> None:
    assert Scope.of("https://h" + start).prefix == prefix


def test_a_scope_is_one_origin() -> None:
    scope = Scope.of("https://h/docs")
    assert scope.holds("https://h/docs")
    assert scope.holds("https://h/docs/a")
    for url in ("https://h/docs2", "http://h/docs/a", "https://h:8443/docs/a", "https://i/docs/a"):
        assert not scope.holds(url)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at_for_links_and_sitemaps(content: bytes) -> None:
    read_links(content, "https://h/")
    parse_sitemap(content)


def test_entities_of_a_sitemap_stay_unresolved() -> None:
    bomb = b'<!DOCTYPE u [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
    found = parse_sitemap(bomb)
    assert found is not None
    assert found.pages == ()


async def test_a_token_bucket_spaces_requests_and_holds() -> None:
    now = [0.0]
    times = []

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    bucket = TokenBucket(4.0, clock=lambda: now[0], sleep=sleep)
    for _ in range(3):
        await bucket.acquire()
        times.append(now[0])
    bucket.hold(10)
    await bucket.acquire()
    times.append(now[0])
    bucket.slow_down(2)
    await bucket.acquire()
    times.append(now[0])
    assert times == pytest.approx([0, 0.25, 0.5, 10.5, 12.5])
