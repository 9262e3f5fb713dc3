"""Notices, the heartbeat and on_record, as they arrive: at a mail server and at a web server."""

from __future__ import annotations

import builtins
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pgha_helpers.model import Head, Pair, frontend
from pgha_helpers.model.notices import Notice, NoticeKind
from pgha_helpers.model.show import utc
from pgha_helpers.monitoring import meanwhile as watching_room
from pgha_helpers.monitoring.telling import tell
from pgha_helpers.records.making.numbering import own_sequence
from pgha_helpers.records.making.outbox import Outbox
from pgha_helpers.records.making.seal import complete_all
from pgha_helpers.run.journal import read
from pgha_helpers.run.parameters.pair_file import load_pair

from .. import embedded as lab
from ..conftest import pgha
from ..embedded import Lab
from .receivers import Receiver, receiver
from .runs import carry_out, changed_pair, running, to_promote
from .servers import standby_of, wait_for, writable

SECRET = "sesame-0pen-0123456789"


@pytest.fixture
def mail() -> Iterator[Receiver]:
    with receiver("mail") as one:
        yield one


@pytest.fixture
def web() -> Iterator[Receiver]:
    with receiver("web") as one:
        yield one


@pytest.fixture
def told(
    pair: Lab, mail: Receiver, web: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The pair's file with somebody to tell, and records of its own; one address is a secret."""
    monkeypatch.setenv("PGHA_CHAT", f"json://ann:{SECRET}@127.0.0.1:{web.port}/chat")
    monkeypatch.setenv("PGHA_BEAT", f"http://127.0.0.1:{web.port}/beat/{SECRET}")
    to = f"mailto://127.0.0.1:{mail.port}?from=pgha@example.org&to=dba@example.org"
    return changed_pair(
        pair,
        tmp_path,
        notify=[to, "env:PGHA_CHAT"],
        heartbeat="env:PGHA_BEAT",
        records=str(tmp_path / "records"),
    )


def verified(path: Path) -> int:
    return pgha("run", "verify", str(path), "-p", "light=true").returncode


def lines(path: Path, what: str) -> list[dict[str, Any]]:
    """What the sequence tells."""
    own = own_sequence(load_pair(str(path)))
    return [dict(line.told) for line in own.lines() if line.what == what]


def everything_kept(folder: Path) -> str:
    """The text of every file there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(path.read_text("utf-8", "replace") for path in files)


def test_a_verdict_that_changes_is_told_once_and_the_heart_beats(
    pair: Lab, told: Path, mail: Receiver, web: Receiver, tmp_path: Path
) -> None:
    assert verified(told) == 0 and mail.titles == [], "that it is well is no news"
    assert len(web.beats) == 1
    pair.kill("db1")
    try:
        assert verified(told) == 2
        (bad,) = mail.arrived(1)
        assert bad.startswith("changed: critical (last well ") and ": db1" in bad, bad
        assert "To do: " in bad
        assert verified(told) == 2 and mail.titles == [bad], "it stays bad, and that was told"
    finally:
        lab.up(pair.folder)
    assert wait_for(lambda: verified(told) == 0, within=30)
    assert mail.titles[-1].startswith("changed: well again: db0 is primary")
    assert web.titles == mail.titles and {one.to for one in web.came} == {"/chat"}
    folder = list(records_in(tmp_path))[1]
    assert f"Record: {folder} on " in mail.came[0].text
    assert f"pgha records show changed {folder.name[-8:]}" in mail.came[0].text
    (head,) = Head.parse_all(mail.came[0].text)
    held = tmp_path / "mail.txt"
    held.write_text(mail.came[0].text)
    proved = pgha("records", "verify", str(told), "--head", str(held))
    assert proved.returncode == 0 and head.pair == "changed", proved.stdout
    assert SECRET not in everything_kept(tmp_path / "records")


def records_in(folder: Path) -> Iterator[Path]:
    """The records, the oldest first."""
    yield from sorted(path for path in (folder / "records").iterdir() if "-changed-" in path.name)


def seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def test_nothing_is_sent_in_the_window_and_the_end_of_a_change_is_told(
    pair: Lab, told: Path, mail: Receiver, tmp_path: Path
) -> None:
    """Also where somebody else on this machine has something to tell of the pair all the time."""
    found, stop = load_pair(str(told)), threading.Event()
    restless = threading.Thread(target=_tell_all_the_time, args=(found, stop))
    restless.start()
    try:
        words = f"confirm={to_promote('db1' if writable(pair) == ['db0'] else 'db0')}"
        done = pgha("run", "promote", str(told), "-p", words, "-p", "ticket=OPS-7")
    finally:
        stop.set()
        restless.join()
    assert done.returncode == 0, done.stdout
    (folder,) = records_in(tmp_path)
    story = read(folder)
    began, over = seconds(story.first("outage begins")), seconds(story.last("outage ended"))
    at = [one.at for one in mail.came]
    assert not [when for when in at if began <= when <= over], "the window"
    ended = seconds(story.last("run ended"))
    assert not [when for when in at if began <= when <= ended], "the rest of the change"
    assert [when for when in at if when < began] and [when for when in at if when > ended]
    ends = [one for one in mail.came if one.title.endswith("is its standby")]
    assert len(ends) == 1, set(mail.titles)
    assert "promote db" in ends[0].title and ": done: db" in ends[0].title
    assert "Clients had no primary for " in ends[0].text and "ticket OPS-7" in ends[0].text


def test_a_send_that_nobody_answers_is_cut_off_before_the_window(pair: Lab, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        path = changed_pair(
            pair,
            tmp_path,
            notify=[f"json://127.0.0.1:{deaf.getsockname()[1]}/?rto=60"],
            records=str(tmp_path / "records"),
            timeouts={"notify": "60s"},
        )
        found = load_pair(str(path))
        Outbox(found).keep(a_notice(found))
        telling = threading.Thread(target=tell, args=(found,))
        telling.start()
        sent, _ = deaf.accept()
        (target,) = {"db0", "db1"} - {*writable(pair)}
        promoting = threading.Thread(
            target=pgha, args=("run", "promote", str(path), "-p", f"confirm={to_promote(target)}")
        )
        promoting.start()
        with sent:
            while sent.recv(65536):
                continue
            cut = time.time()
    promoting.join()  # whoever is told of its end is refused at once
    telling.join()
    (folder,) = records_in(tmp_path)
    story = read(folder)
    assert story.last("run ended")["outcome"] == "done"
    assert seconds(story.first("gate answered")) < cut
    assert cut < seconds(story.first("outage begins")), "it went on into the window"
    assert len(Outbox(found).waiting()) == 2, "the notice, and that of the end"


def _tell_all_the_time(pair: Pair, stop: threading.Event) -> None:
    own = replace(pair, heartbeat="", notify=pair.notify[:1])
    while not stop.is_set():
        if len(Outbox(own).waiting()) < 3:
            Outbox(own).keep(a_notice(own))
        tell(own)
        time.sleep(0.02)


def a_notice(pair: Pair, title: str = "a trial") -> Notice:
    return Notice(utc(time.time()), pair.name, NoticeKind.TRIAL, "", title, "text", pair.notify)


def test_nothing_is_lost_while_nobody_listens_and_nothing_comes_twice(
    pair: Lab, told: Path, mail: Receiver, web: Receiver, tmp_path: Path
) -> None:
    """The web server goes on while the mail server is down: each has its own part."""
    mail.down()
    for _ in range(3):
        refused = pgha("run", "promote", str(told), "-p", "confirm=promote nobody")
        assert refused.returncode == 4, refused.stdout
        assert "A notice waits for the next run (changed: promote" in refused.stderr
        assert "Connection refused" in refused.stderr
    why = "refused, nothing was changed: confirm is 'promote nobody', but this run needs "
    assert len(web.titles) == 3 and all(why in title for title in web.titles)
    box = Outbox(load_pair(str(told)))
    assert len(box.waiting()) == 3 and mail.titles == []
    checked = pgha("records", "verify", str(told))
    assert checked.returncode == 0 and checked.stdout.count("its change was not sent: ") == 3
    mail.up()
    assert verified(told) == 0
    assert all(why in title for title in mail.arrived(3)) and len(mail.came) == 3
    assert len({one.text for one in mail.came}) == 3, "three runs"
    assert verified(told) == 0 and len(mail.came) == 3 and len(web.came) == 3
    assert box.waiting() == []
    checked = pgha("records", "verify", str(told))
    assert checked.returncode == 0 and "not sent" not in checked.stdout
    assert len(lines(told, "untold")) == 3 and len(lines(told, "told")) == 6


def test_whoever_hangs_costs_no_more_than_the_time_for_it_and_no_outcome(
    pair: Lab, tmp_path: Path
) -> None:
    """A port that takes connections and never answers; and a command that does not end."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        path = changed_pair(
            pair,
            tmp_path,
            notify=[f"json://127.0.0.1:{port}/"],
            heartbeat=f"http://127.0.0.1:{port}/",
            on_record="sh -c 'sleep 60'",
            records=str(tmp_path / "records"),
            timeouts={"notify": "2s"},
        )
        began = time.monotonic()
        assert verified(path) == 0
        without = time.monotonic() - began
        pair_ = load_pair(str(path))
        Outbox(pair_).keep(a_notice(pair_))
        began = time.monotonic()
        complaints = tell(pair_, "a-record")
        assert 1.9 < time.monotonic() - began < 3.5
    assert len(complaints) == 3, complaints
    assert all("within 2 s" in words for words in complaints), complaints
    assert without > 2, "it was waited for"


def test_a_gate_that_waits_is_told_and_the_end_in_jupyterlab_is_told_at_once(
    pair: Lab, told: Path, mail: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `pgha open` watches it, from another process than the kernel; here it is a thread."""
    node = standby_of(pair)
    monkeypatch.setattr(watching_room, "EVERY", 0.2)
    monkeypatch.setattr(frontend, "somebody", lambda: True)

    def answer(_: str) -> str:
        mail.arrived(1, within=20)
        return to_promote(node)

    monkeypatch.setattr(builtins, "input", answer)
    path = tmp_path / "impatient.yaml"
    path.write_text(told.read_text() + "gate_waits: 1s\n")
    found = load_pair(str(path))
    with watching_room.watching(found):
        carry_out(path, "promote", "")
        titles = mail.arrived(2, within=20)
    gate, end = titles
    assert (
        gate.startswith(f"impatient: promote {node}") and ": the gate waits for an answer" in gate
    )
    assert end.startswith(f"impatient: promote {node}") and f": done: {node} is primary" in end
    (folder,) = (path for path in (tmp_path / "records").iterdir() if "-promote-" in path.name)
    story = read(folder)
    began = seconds(story.first("gate answered")) + 0.001  # a journal cuts its times to these
    assert mail.came[0].at < began < seconds(story.last("run ended")) < mail.came[1].at
    assert complete_all(found) == []
    assert tell(found) == [] and len(mail.came) == 2, "each once"


def test_a_change_whose_program_was_killed_is_told_by_the_next_run(
    pair: Lab, told: Path, mail: Receiver
) -> None:
    node = standby_of(pair)
    with running(told, "promote", confirm=f"promote {node}") as run:
        run.journal.write("gate shown", wanted=f"promote {node}")
        run.ended = "killed"
    assert verified(told) == 0
    (title,) = mail.arrived(1)
    assert title == (
        f"changed: promote {node}: interrupted, nothing was changed: its process has ended"
    )
    assert verified(told) == 0 and pgha("records", "list", str(told)).returncode == 0
    assert len(mail.came) == 1


def test_a_record_that_is_found_broken_is_told(told: Path, mail: Receiver, tmp_path: Path) -> None:
    assert verified(told) == 0
    (folder,) = records_in(tmp_path)
    report = folder / "report.html"
    report.write_text(report.read_text().replace("done", "well"))
    before = own_sequence(load_pair(str(told))).path.read_bytes()
    assert pgha("records", "verify", str(told)).returncode == 2
    (one,) = [mail.came[0] for _ in mail.arrived(1)]
    assert one.title.startswith("changed: records are not as they were, 1 finding: ✗ ")
    assert "report.html was changed" in one.title and f"{tmp_path}/records on " in one.text
    assert own_sequence(load_pair(str(told))).path.read_bytes() == before, "verify writes nothing"


# on_record


SAVE = """#!/bin/sh
test -e {folder}/broken && {{ echo "the shelf is full" >&2; exit 7; }}
mkdir -p {folder}/away && cp -r "$1" {folder}/away/ && cat > {folder}/away/"${{1##*/}}".head
echo "$PGHA_PAIR $2 $3" >> {folder}/away/log
"""


def test_each_record_is_brought_away_with_the_head_and_what_failed_is_tried_again(
    pair: Lab, tmp_path: Path
) -> None:
    script = tmp_path / "save"
    script.write_text(SAVE.format(folder=tmp_path))
    script.chmod(0o700)
    path = changed_pair(pair, tmp_path, on_record=[str(script)], records=str(tmp_path / "records"))
    broken = tmp_path / "broken"
    assert verified(path) == 0
    broken.touch()
    done = pgha("run", "verify", str(path), "-p", "light=true")
    assert done.returncode == 0, "it changes no outcome"
    assert "was not delivered by on_record, the next run tries again: " in done.stderr
    assert f"{script} ended with status 7: the shelf is full" in done.stderr
    first, second = records_in(tmp_path)
    checked = pgha("records", "verify", str(path))
    assert checked.returncode == 0
    assert f"{second.name}: never delivered by on_record: {script} ended with" in checked.stdout
    assert f"{first.name}: never" not in checked.stdout
    broken.unlink()
    assert verified(path) == 0
    assert "never delivered" not in pgha("records", "verify", str(path)).stdout
    log = (tmp_path / "away" / "log").read_text().splitlines()
    first, second, third = records_in(tmp_path)
    sealed = {line["record"]: line["manifest"] for line in lines(path, "sealed")}
    assert log == [f"changed done {sealed[one.name]}" for one in (first, third, second)]
    for one in (first, second, third):
        assert sorted(p.name for p in (tmp_path / "away" / one.name).iterdir()) == sorted(
            p.name for p in one.iterdir()
        )
    held = tmp_path / "away" / f"{third.name}.head"
    proved = pgha("records", "verify", str(path), "--head", str(held))
    assert proved.returncode == 0, proved.stdout
    assert len(lines(path, "undelivered")) == 1 and len(lines(path, "delivered")) == 3


def test_one_tries_it_out(told: Path, mail: Receiver, web: Receiver, tmp_path: Path) -> None:
    done = pgha("notify", str(told), "--try")
    assert done.returncode == 0 and done.stdout == "All is sent.\n", done.stderr
    assert mail.titles == web.titles == ["changed: this is a trial, and nothing has happened"]
    web.down()
    done = pgha("notify", str(told), "--try")
    assert done.returncode == 1 and "env:PGHA_CHAT: " in done.stderr and SECRET not in done.stderr
    assert len(mail.came) == 2
    assert pgha("notify", str(told), "--try").returncode == 1
    web.up()
    assert pgha("notify", str(told)).returncode == 0 and len(web.came) == 2, "one of two trials"
    nobody = changed_pair_of(told, tmp_path)
    done = pgha("notify", str(nobody))
    assert done.returncode == 64 and "names nobody who is told" in done.stderr


def test_who_is_sent_elsewhere_is_told_and_nothing_is_lost(
    told: Path, mail: Receiver, web: Receiver
) -> None:
    """A redirect of a POST that is followed becomes a GET without the notice in it."""
    pair, web.moved = load_pair(str(told)), True
    for title in ("the first", "the second"):
        Outbox(pair).keep(a_notice(pair, title))
    done = pgha("notify", str(told))
    assert done.returncode == 1 and web.beats == [], done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("A notice waits for the next run (the second; and 1 more): ")
    assert "it is elsewhere: write that address" in line and "error=301" in line
    web.moved = False
    assert pgha("notify", str(told)).returncode == 0
    assert sorted(web.titles) == ["the first", "the second"] and len(mail.came) == 2


def changed_pair_of(path: Path, folder: Path) -> Path:
    told = yaml.safe_load(path.read_text())
    nobody = folder / "nobody.yaml"
    nobody.write_text(yaml.safe_dump({k: v for k, v in told.items() if k != "notify"}))
    return nobody
