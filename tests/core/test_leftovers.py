"""Files that nobody needs go; what is named, loaded, leased or was touched lately stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.core.errors import Unavailable
from groundwork.core.registry.base import OCR, Line
from groundwork.core.registry.followers import Followers
from groundwork.core.registry.leftovers import (
    EVERY_SECONDS,
    RELEASE_SECONDS,
    WORK_SECONDS,
    Leftovers,
)
from groundwork.core.registry.promotion import NoCarrier, rollback
from groundwork.core.registry.trial import Plan, start_trial
from tests.core.toys import LINE, WHY, Flaky, ToyLoader, promoted, registered

DAY = 24 * 3600.0


class Home:
    """A service with its folder of releases; `pass_time` is so long a while later."""

    def __init__(self, folder: Path) -> None:
        self.now = folder.stat().st_mtime
        self.registry = Flaky()
        self.releases = folder / "releases"
        self.work = folder / "work"
        self.leftovers = Leftovers([self.releases], [self.work], clock=lambda: self.now)
        self.followers = Followers(
            lambda: self.registry, self.releases, 0.01, beside=self.leftovers.beside
        )
        self.follower = self.followers.follow(LINE, ToyLoader())

    def pass_time(self, seconds: float) -> None:
        """In steps of the service's work, which goes on all the time."""
        end = self.now + seconds
        while self.now < end:
            self.now += EVERY_SECONDS
            self.followers.look()

    def there(self) -> set[str]:
        return {each.name for each in self.releases.iterdir()}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.followers.close()


def old(folder: Path, seconds: float, now: float) -> Path:
    """A folder that nothing has touched for so long."""
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"old")
    os.utime(folder, (now - seconds, now - seconds))
    return folder


def test_what_no_alias_names_goes_after_a_day(home: Home) -> None:
    releases = []
    for name in "abc":
        releases.append(promoted(home.registry, name).id)
        home.followers.look()
    assert home.there() == set(releases)
    home.pass_time(RELEASE_SECONDS - EVERY_SECONDS)
    assert home.there() == set(releases)
    home.pass_time(3 * EVERY_SECONDS)
    # Champion and previous.
    assert home.there() == set(releases[1:])
    home.pass_time(30 * DAY)
    assert home.there() == set(releases[1:])
    rollback(home.registry, home.registry.find(releases[1]), WHY, NoCarrier())
    home.followers.look()
    assert home.follower.status().champion == releases[1]


def test_a_challenger_and_releases_of_other_lines_stay(home: Home) -> None:
    other = Line(OCR, "receipts")
    promoted(home.registry, "a")
    elsewhere = promoted(home.registry, "x", other)
    tried = registered(home.registry, "b")
    start_trial(home.registry, tried, Plan(share=0.5), WHY)
    home.followers.look()
    # Another process of this home follows that line.
    old(home.releases / elsewhere.id, 90 * DAY, home.now)
    home.pass_time(10 * DAY)
    assert {elsewhere.id, tried.id} <= home.there()


def test_what_is_leased_stays_as_long_as_the_lease(home: Home) -> None:
    first = promoted(home.registry, "a").id
    home.followers.look()
    with home.follower.lease() as held:
        for name in "bcd":
            promoted(home.registry, name)
            home.followers.look()
        home.pass_time(9 * DAY)
        assert held.release == first
        assert first in home.there()
        assert home.followers.in_use() == {first, home.follower.status().champion}
    home.pass_time(2 * DAY)
    assert first not in home.there()


def test_a_file_or_folder_that_is_no_release_is_left_alone(home: Home, tmp_path: Path) -> None:
    aside = old(tmp_path / "aside", 90 * DAY, home.now)
    kept = old(home.releases / "notes", 90 * DAY, home.now)
    (home.releases / "rel-0123456789ab").symlink_to(aside)
    gone = old(home.releases / "rel-ba9876543210", 90 * DAY, home.now)
    home.followers.look()
    assert kept.is_dir()
    assert (aside / "weights.bin").is_file()
    assert not gone.exists()


def test_what_trainings_left_goes_after_a_month_without_a_change(home: Home) -> None:
    gone = old(home.work / "ratings-0123456789ab", WORK_SECONDS + DAY, home.now)
    busy = home.work / "cards"
    deep = busy / "prepared"
    deep.mkdir(parents=True)
    for folder, age in ((deep, DAY), (busy, 90 * DAY)):
        os.utime(folder, (home.now - age, home.now - age))
    home.followers.look()
    assert not gone.exists()
    assert deep.is_dir()


def test_without_the_registry_nothing_goes(home: Home) -> None:
    lonely = old(home.releases / "rel-0123456789ab", 90 * DAY, home.now)
    promoted(home.registry, "a")
    home.registry.dead = True
    home.followers.look()
    with pytest.raises(Unavailable):
        home.leftovers.beside(home.registry, home.followers)
    assert lonely.is_dir()
    home.registry.dead = False
    home.followers.look()
    assert not lonely.exists()
