"""Which end of a run is told to whom, in which words; and that nothing is told twice or lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pgha_helpers.judgement.notices import News, VerifyOutcome, change_is_news, news_of_verdict
from pgha_helpers.model import Head, Pair
from pgha_helpers.model.notices import Notice, NoticeKind
from pgha_helpers.records.making import outbox
from pgha_helpers.records.making.deliveries import undelivered
from pgha_helpers.records.making.notices import (
    change_goes_on,
    keep_notice,
    keep_others,
    of_findings,
)
from pgha_helpers.records.making.numbering import add_line, make_folder, new_id, own_sequence
from pgha_helpers.records.making.outbox import Outbox
from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.records.making.sequence import ATTACHED, DELIVERED, SEALED, THINNED, TOLD
from pgha_helpers.records.reading.retention import thin
from pgha_helpers.run.journal import Journal, read

from .made_records import left, ran
from .reading.made_up import write_run

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def told(here: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A pair with somebody to tell."""
    monkeypatch.setattr(outbox, "attended", {})
    return replace(here, notify=("mailto://mx.example?to=dba@example.org", "env:PGHA_CHAT"))


def notices(pair: Pair) -> list[Notice]:
    """What waits, the oldest first."""
    found = [Notice.parse(path.read_bytes()) for path in Outbox(pair).waiting()]
    return [notice for notice in found if notice]


def history(*given: tuple[float, str]) -> list[VerifyOutcome]:
    return [VerifyOutcome(at, outcome, frozenset({"a"})) for at, outcome in given]


# When a verdict is told


@pytest.mark.parametrize(
    ("now", "earlier", "news"),
    [
        ((0, "done"), [], None),
        ((0, "warning"), [], News.BAD),
        ((9, "done"), [(0, "done")], None),
        ((9, "critical"), [(0, "done")], News.BAD),
        ((9, "critical"), [(0, "warning")], News.BAD),
        ((9, "unknown"), [(0, "critical")], News.BAD),
        ((9, "warning"), [(0, "critical")], News.BETTER),
        ((9, "warning"), [(0, "done")], News.BAD),
        ((9, "done"), [(0, "warning")], News.WELL),
        ((9, "critical"), [(0, "critical")], None),
        ((DAY, "critical"), [(0, "critical")], News.STILL),
        ((DAY - 20, "critical"), [(0, "critical")], News.STILL),  # cron is not to the second
        ((DAY + 300, "critical"), [(DAY, "critical"), (0, "critical"), (-9, "done")], None),
        ((2 * DAY, "critical"), [(DAY, "critical"), (0, "critical")], News.STILL),
    ],
)
def test_a_verdict_is_told_when_it_changes_and_once_a_day_while_it_is_bad(
    now: tuple[float, str], earlier: Sequence[tuple[float, str]], news: News | None
) -> None:
    (last,) = history(now)
    assert news_of_verdict(last, history(*earlier)) == news


def test_of_a_month_of_five_minutes_each_day_is_told_once() -> None:
    every = [(300.0 * n, "critical") for n in range(30 * 288)]
    found = [
        n
        for n in range(1, 2 * 288)
        if news_of_verdict(history(every[n])[0], history(*reversed(every[:n])))
    ]
    assert found == [276, 552], "every 23 hours"
    long = history(*reversed(every))
    assert news_of_verdict(replace(long[0], at=long[0].at + 300), long) is None


def test_another_check_that_turns_critical_is_told_at_once() -> None:
    before = VerifyOutcome(0, "critical", frozenset({"a"}))
    assert news_of_verdict(VerifyOutcome(9, "critical", frozenset({"a", "b"})), [before]) == "bad"
    assert news_of_verdict(VerifyOutcome(9, "critical", frozenset()), [before]) is None


def test_of_a_pair_that_is_well_one_earlier_verify_is_read() -> None:
    asked = []

    def earlier() -> object:
        for one in history((0, "done"), (-9, "critical")):
            asked.append(one)
            yield one

    assert news_of_verdict(VerifyOutcome(9, "done"), earlier()) is None  # type: ignore[arg-type]
    assert len(asked) == 1


# Which change is told


@pytest.mark.parametrize(
    ("outcome", "changed", "by_hand", "is_told"),
    [
        ("done", True, False, True),
        ("failed", True, False, True),
        ("refused", False, False, True),
        ("interrupted", False, False, True),
        ("interrupted", True, True, True),
        ("abandoned", True, False, True),
        ("rehearsed", False, False, False),
        ("already so", False, False, False),
        ("abandoned", False, False, False),
        ("refused", False, True, False),
    ],
)
def test_a_change_is_told_unless_whoever_began_it_knows(
    outcome: str, changed: bool, by_hand: bool, is_told: bool
) -> None:
    assert change_is_news(outcome, changed, by_hand=by_hand) == is_told


def made(pair: Pair, notebook: str, outcome: str, **more: object) -> Notice | None:
    """What is told of a made-up run."""
    folder = write_run(Path(pair.records), new_id(), notebook, outcome, **more)  # type: ignore[arg-type]
    keep_notice(folder, read(folder), pair)
    found = [one for one in notices(pair) if one.record == folder.name]
    return found[0] if found else None


def test_a_promotion_that_is_done_says_what_it_cost_and_where_its_record_is(told: Pair) -> None:
    notice = made(told, "promote", "done")
    assert notice and notice.title == "prod: promote db1: done: db1 is primary, db0 is its standby"
    assert "Clients had no primary for " in notice.text
    assert "By ada on bastion: kernel update, ticket OPS-1" in notice.text
    assert f"pgha records show prod {notice.record[-8:]}" in notice.text
    assert f"Record: {told.records}/{notice.record} on " in notice.text


def test_one_that_failed_begins_with_why(told: Pair) -> None:
    notice = made(told, "promote", "failed")
    assert notice and notice.title.startswith("prod: promote db1: FAILED, something was changed: ")
    assert "the slot is gone" in notice.title and "Last seen: db1 is primary" in notice.text


def test_one_that_died_in_the_middle_says_what_to_do(told: Pair) -> None:
    notice = made(told, "promote", "interrupted", end=False)
    assert notice and notice.title == (
        "prod: promote db1: INTERRUPTED IN THE MIDDLE: its process has ended"
    )
    assert "To do: run it again with the same words: it looks first" in notice.text


def refused(pair: Pair, kind: str, confirm: str = "") -> Path:
    """A promotion that a check has refused, or that was mistyped, or interrupted by hand."""
    folder = make_folder(pair, "promote", new_id())
    journal = Journal(folder)
    asked = {"confirm": confirm}
    journal.write(
        "run begun", run=folder.name[-8:], pair=pair.name, notebook="promote", parameters=asked
    )
    verdict = {"title": "The standby keeps up", "level": "critical", "remedy": "Wait."}
    verdicts = [verdict | {"reason": reason} for reason in ("41 MB behind", "9 min behind")]
    journal.write("judged", worst="critical", verdicts=verdicts)
    how = "interrupted" if kind == "KeyboardInterrupt" else "refusal"
    journal.write("error", kind=how, type=kind, error="not safe, for 2 reasons:\n  - …")
    journal.write("run ended", outcome="refused")
    journal.close()
    return folder


def test_a_refusal_begins_with_its_worst_reason(told: Pair) -> None:
    refused(told, "NotSafe", "promote db1")
    refused(told, "NotSafe")
    refused(told, "KeyboardInterrupt")
    refused(told, "BadParameters")
    assert complete_all(told) == []
    titles = sorted(one.title for one in notices(told))
    why = "refused, nothing was changed: 41 MB behind. To do: Wait. (and 1 more)"
    assert titles == [f"prod: promote: {why}", f"prod: rehearsal of promote: {why}"]


# The verdicts of verifies, by the records


def verified(pair: Pair, outcome: str, level: str, reason: str = "41 MB behind") -> Path:
    folder = make_folder(pair, "verify", new_id())
    journal = Journal(folder)
    journal.write("run begun", run=folder.name[-8:], pair=pair.name, notebook="verify")
    verdict = {"title": "The standby keeps up", "level": level, "remedy": "Wait."}
    journal.write("judged", worst=level, verdicts=[verdict | {"reason": reason}])
    journal.write("run ended", outcome=outcome)
    journal.close()
    assert complete_all(pair) == []
    return folder


def test_a_verdict_is_compared_with_that_of_the_record_before(told: Pair) -> None:
    for outcome, level in (
        ("done", "ok"),
        ("critical", "critical"),
        ("critical", "critical"),
        ("done", "ok"),
        ("done", "ok"),
    ):
        verified(told, outcome, level)
    bad, well = sorted(notices(told), key=lambda one: one.at)
    assert bad.kind == NoticeKind.VERDICT and bad.to == told.notify
    assert bad.title.startswith("prod: critical (last well ")
    assert bad.title.endswith("Z): 41 MB behind. To do: Wait.")
    assert well.title.startswith("prod: well again") and "1 of 1 checks says yes" in well.text


def test_a_verify_that_could_not_judge_is_told_and_one_that_somebody_stopped_is_none(
    told: Pair,
) -> None:
    verified(told, "done", "ok")
    for kind, error in (("interrupted", "KeyboardInterrupt"), ("error", "ValueError")):
        folder = make_folder(told, "verify", new_id())
        journal = Journal(folder)
        journal.write("run begun", run=folder.name[-8:], pair="prod", notebook="verify")
        journal.write("error", kind=kind, type=error, error="odd\n  What to do: mend it")
        journal.write("run ended", outcome="refused")
        journal.close()
        assert complete_all(told) == []
    (notice,) = notices(told)
    assert notice.title == "prod: verify could not judge: odd"
    assert "What to do: mend it" in notice.text
    verified(told, "done", "ok")
    assert len(notices(told)) == 2, "it can again"


def test_nothing_is_kept_where_nobody_is_named(here: Pair) -> None:
    verified(here, "critical", "critical")
    assert not Outbox(here).folder.exists()


# The outbox


def test_what_was_told_is_not_told_again(told: Pair) -> None:
    folder = refused(told, "NotSafe")
    keep_others(told)
    (notice,) = notices(told)
    add_line(told, TOLD, record=folder.name, notice=notice.kind, to=[])
    Outbox(told).settle(Outbox(told).path(notice), notice, {})
    assert complete_all(told) == []
    assert notices(told) == []


def test_a_gate_that_waits_is_told_once_and_a_change_that_goes_on_is_seen(told: Pair) -> None:
    impatient = replace(told, gate_waits=0.0001)  # type: ignore[arg-type]
    folder = make_folder(told, "promote", new_id())
    journal = Journal(folder)
    journal.write("run begun", run=folder.name[-8:], pair="prod", notebook="promote")
    journal.write("gate shown", wanted="promote db1")
    keep_others(told)
    assert notices(told) == [], "ten minutes are not over"
    for _ in range(2):
        keep_others(impatient)
    (notice,) = notices(told)
    assert notice.title.startswith("prod: promote db1: the gate waits for an answer, since ")
    assert "Nothing was changed, and nothing is locked." in notice.text
    assert not change_goes_on(told)
    journal.write("gate answered", answer="promote db0", right=False)
    assert not change_goes_on(told)
    journal.write("gate answered", answer="promote db1", right=True)
    assert change_goes_on(told)
    keep_others(impatient)
    assert len(notices(told)) == 1, "nothing is told of what goes on"
    journal.write("run ended", outcome="done")
    assert not change_goes_on(told) or journal.close() is None
    assert not change_goes_on(told)


def test_one_notice_is_sent_by_one_process_and_what_is_left_waits(told: Pair) -> None:
    box, notice = Outbox(told), of_findings(told, ["✗ a: it was changed"])
    assert box.keep(notice) == []
    (path,) = box.waiting()
    with box.claimed(path) as mine, Outbox(told).claimed(path) as theirs:
        assert mine == notice and theirs is None
    box.settle(path, notice, {"env:PGHA_CHAT": "env:PGHA_CHAT: nobody answered"})
    with box.claimed(path) as again:
        assert again and again.to == ("env:PGHA_CHAT",)
        assert again.failed == "env:PGHA_CHAT: nobody answered"
        box.settle(path, again, {})
    assert box.waiting() == []
    with box.claimed(path) as gone:
        assert gone is None


def test_a_full_outbox_gives_up_verdicts_before_the_end_of_a_change(
    told: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST", 3)
    change = Notice("2026-11-30T03:00:00Z", "prod", NoticeKind.CHANGE, "20261130-a", "t", "")
    Outbox(told).keep(change)
    for number in range(4):
        verdict = replace(change, kind=NoticeKind.VERDICT, record=f"20261130-b{number}")
        Outbox(told).keep(verdict)
    kinds = [one.record for one in notices(told)]
    assert kinds == ["20261130-a", "20261130-b2", "20261130-b3"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', "null"])
def test_what_is_no_notice_is_left_where_it_is(told: Pair, text: str) -> None:
    Outbox(told).folder.mkdir(parents=True)
    path = Outbox(told).folder / "odd.json"
    path.write_text(text)
    with Outbox(told).claimed(path) as found:
        assert found is None
    assert path.exists()


def test_a_notice_is_kept_as_the_committed_example_shows(told: Pair) -> None:
    """Whoever changes its fields counts `NOTICE_FORMAT` up."""
    example = Path(__file__).parent / "notice.json"
    notice = Notice.parse(example.read_text())
    assert notice is not None and json.loads(notice.json) == json.loads(example.read_text())


def test_a_command_pays_nothing_at_its_start() -> None:
    code = "import sys, pgha_helpers.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"apprise", "requests", "pgha_helpers.monitoring.telling"} & loaded
    assert "pgha_helpers.records.making.notices" not in loaded


# The head of the sequence


def test_the_head_is_the_newest_line_that_closes_something(here: Pair) -> None:
    ran(here)
    (sealed,) = [line for line in own_sequence(here).lines() if line.what == "sealed"]
    left(here)
    head = own_sequence(here).head()
    assert head and (head.number, head.digest) == (sealed.number, sealed.digest)
    assert Head.parse_all(head.text) == [head]


# Deliveries


def test_a_record_waits_until_it_is_delivered_and_again_after_something_is_attached(
    here: Pair,
) -> None:
    def waiting() -> list[str]:
        return list(undelivered(own_sequence(here).texts()))

    first, second, third = ran(here), ran(here), ran(here)
    left(here)
    assert waiting() == [first.name, second.name, third.name]
    for folder in (third, first):
        add_line(here, DELIVERED, record=folder.name)
    assert waiting() == [second.name]
    add_line(here, ATTACHED, record=first.name, attached="0")
    add_line(here, THINNED, records={second.name: "0"})
    assert waiting() == [first.name]
    (line,) = undelivered(own_sequence(here).texts(first.name)).values()
    assert (line.what, line.told["outcome"]) == (SEALED, "done")


def test_what_waits_to_be_delivered_is_not_thinned(here: Pair) -> None:
    own = replace(here, records_keep=0.001, on_record=("save",))  # type: ignore[arg-type]
    folder = ran(own)
    assert thin(own) == []
    add_line(own, DELIVERED, record=folder.name)
    assert thin(own) == [folder.name]
