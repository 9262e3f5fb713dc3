"""What is said of each version, and how it is known."""

from __future__ import annotations

import pytest

from pgha_helpers.judgement.support import WAYS, supported
from pgha_helpers.model.dialect import FEATURES, NEWEST, OLDEST, spoken
from pgha_helpers.model.errors import NotSafe
from pgha_helpers.model.major import Major, majors_between
from pgha_helpers.monitoring.tried import BEGIN, END, last_trials, support_table
from pgha_helpers.run.checkout import CHECKOUT

from ..conftest import pgha
from .pictures import SETTINGS, primary


def test_the_page_tells_the_table_and_the_trials() -> None:
    """`make trials versions` writes it anew."""
    page = (CHECKOUT / "docs" / "versions.md").read_text()
    kept = page.partition(f"{BEGIN}\n")[2].partition(END)[0]
    assert kept == support_table() == pgha("support", "--markdown").stdout


def test_what_ran_is_what_the_table_allows() -> None:
    for major, each in last_trials().items():
        impossible = [str(way) for way in WAYS if supported(way, major).kind == "not possible"]
        assert not [way for trial in each for way in trial.ways if way in impossible]


def test_every_way_leans_on_what_the_table_has() -> None:
    assert {name for way in WAYS for name in (*way.needs, *way.limits)} <= set(FEATURES)
    newest = majors_between(OLDEST, NEWEST)[-1]
    assert {supported(way, newest).kind for way in WAYS} == {"full"}


def test_one_version_is_told_in_words_and_a_stranger_is_named() -> None:
    done = pgha("support", "9.6.24")
    assert done.returncode == 0 and done.stdout.startswith("PostgreSQL 9.6\n")
    assert "rebuild rewind      not possible [" in done.stdout
    assert "only a superuser may be rewound from (instead: rsync or a clone)" in done.stdout
    assert pgha("support").stdout.count("PostgreSQL ") == len(majors_between(OLDEST, NEWEST))
    for stranger in ("9.10", "8.4", "seven", "20"):
        wrong = pgha("support", stranger)
        assert wrong.returncode == 64 and "it may be 9." in wrong.stderr, stranger
    assert Major.parse("9.6") in majors_between(OLDEST, NEWEST)


def test_what_is_not_spoken_is_refused_by_name_and_a_beta_is_told_by_its_own() -> None:
    with pytest.raises(NotSafe, match="db0 runs PostgreSQL 20, which this release does not speak"):
        spoken(200000, "db0")
    beta = SETTINGS | {"server_version": "19beta3 (Debian 19~beta3-1)"}
    assert primary(version=190000, settings=beta).release == "19beta3"
    assert spoken(190000, "db0") == NEWEST == Major.told("postgres (PostgreSQL) 19beta3")
    assert primary(version=180006).release == "18.6"
