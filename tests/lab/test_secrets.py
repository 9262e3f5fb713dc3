"""Canaries: secrets planted wherever one could come from, and looked for in everything that a run
leaves or says.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from pgha_helpers.run.checkout import CHECKOUT

from ..conftest import finish, pgha
from ..embedded import Lab
from .checkouts import altered_checkout, environment_of, start
from .runs import changed_pair
from .servers import ask, records, standby_of

PASSFILE = "kAn4ri1\"'\\ü&:x"  # known: a line of the passfile
VARIABLE = "kAn4ri2 with spaces+/="  # known: an environment variable that the pair file names
CONNINFO = "kAn4ri3-in-conninfo"  # unknown: only what stands around it tells
URI, SQL, REASON, SHELL = (
    "kAn4ri4-in-a-uri",
    "kAn4ri5-in-sql",
    "kAn4ri6-in-a-reason",
    "kAn4ri7-over-ssh",
)
CANARIES = (PASSFILE, VARIABLE, CONNINFO, URI, SQL, REASON, SHELL)

#: What a careless cell may do with what it knows. `known` are the two values, `odd` what the server
#: holds.
CARELESS = f"""
import base64, json, logging, os, subprocess, sys, urllib.parse
from IPython.display import HTML, display
known = [os.environ["PGHA_TEST_VARIABLE"], {json.dumps(PASSFILE)}]
for word in known:
    print(word, repr(word), json.dumps(word), json.dumps(json.dumps(word)),
          urllib.parse.quote(word, safe=""))
    print(*(base64.b64encode(b"x" * n + word.encode() + b"tail").decode() for n in range(3)),
          file=sys.stderr)
    print(word[:3], word[3:], sep="", flush=True)
    logging.getLogger().warning("logged %s", word)
    display(HTML(f"<b>{{word}}</b>"), metadata={{"note": word}})
    subprocess.run(["echo", "from a child:", word])
print("postgres://ann:{URI}@db0/x and postgresql://ann:{URI}@db0,db1/x")
print("alter role ann password '{SQL}'", {{"password": "{SQL}"}})
print(run.doors[STANDBY].sql.read("show primary_conninfo"))
try:
    run.doors[STANDBY].run("sh", "-c", "echo 'password={SHELL}' >&2; exit 3")
except Exception as error:
    print(error)
    run.journal.write("error", error=error,
                      unforeseen=[*known, {{"conninfo": "password='{CONNINFO}'"}}])
run.doors[STANDBY].run("sh", "-c", "echo \\"$1\\"", "sh", known[0])
get_ipython().run_line_magic("xmode", "Verbose")
def careless(secret, password="{CONNINFO}"):
    inner = secret * 2
    raise ValueError(f"could not connect with password={{password}} and {{inner}}")
careless(known[1])
"""


@pytest.fixture
def planted(pair: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pair file of the lab whose passfile, environment and standby hold canaries."""
    monkeypatch.setenv("PGHA_TEST_VARIABLE", VARIABLE)
    escaped = PASSFILE.replace("\\", "\\\\").replace(":", "\\:")
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"elsewhere:5432:*:ann:{escaped}\n{(pair.folder / 'pgpass').read_text()}")
    passfile.chmod(0o600)
    standby = standby_of(pair)
    before = ask(pair, standby, "show primary_conninfo")[0][0]
    ask(
        pair,
        standby,
        f"alter system set primary_conninfo to '{before.replace(chr(39), chr(39) * 2)} "
        f"password={CONNINFO}'",
    )
    ask(pair, standby, "select pg_reload_conf()")
    yield changed_pair(
        pair, tmp_path, passfile=str(passfile), secret_variables=["PGHA_TEST_VARIABLE"]
    )
    ask(pair, standby, "alter system reset primary_conninfo")
    ask(
        pair,
        standby,
        f"alter system set primary_conninfo to '{before.replace(chr(39), chr(39) * 2)}'",
    )
    ask(pair, standby, "select pg_reload_conf()")


def forms(canary: str) -> set[bytes]:
    """A canary as it stands, and as it looks inside JSON, a URI, HTML, Python and base64."""
    raw = canary.encode()
    found = {
        raw,
        json.dumps(canary)[1:-1].encode(),
        json.dumps(canary, ensure_ascii=False)[1:-1].encode(),
    }
    found |= {
        quote(canary, safe="").encode(),
        escape(canary).encode(),
        repr(canary)[1:-1].encode(),
        raw.hex().encode(),
    }
    for shift in range(3):
        text = base64.b64encode(b"x" * shift + raw)
        found.add(text[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6])
    return found


def sought(texts: dict[str, bytes]) -> list[str]:
    """Where a canary is, in whichever form."""
    return [
        (
            f"{canary!r} as {form!r} in {name}: "
            f"{text[max(0, text.find(form) - 60) : text.find(form) + 60]!r}"
        )
        for name, text in texts.items()
        for canary in CANARIES
        for form in forms(canary)
        if form in text
    ]


def bundle(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_search_finds_what_is_there() -> None:
    assert all(
        sought({"x": b"before" + form + b"after"}) for canary in CANARIES for form in forms(canary)
    )


def test_no_canary_is_in_a_record_or_on_the_terminal(
    pair: Lab, planted: Path, tmp_path: Path
) -> None:
    known = set(records(pair))
    checkout = altered_checkout(tmp_path, CARELESS.replace("STANDBY", repr(standby_of(pair))))
    run = start(
        checkout,
        "run",
        "verify",
        str(planted),
        "-p",
        "light=true",
        "-p",
        f"reason=new password={REASON}",
    )
    out, err = finish(run)
    assert run.returncode == 4 and "could not connect" in out + err, out + err
    (folder,) = set(records(pair)) - known
    texts = bundle(folder)
    assert {
        "journal.jsonl",
        "notebook.ipynb",
        "report.html",
        "record.json",
        "manifest.json",
    } <= set(texts)
    told = texts["notebook.ipynb"].decode()
    for trace in (
        "from a child:",
        "logged",
        "password=[redacted]",
        "ann:[redacted]@db0",
        "careless(secret",
    ):
        assert trace in told, "the rest of what was said is there"
    assert (
        b'"unforeseen": [' in texts["journal.jsonl"]
        and b"new password=[redacted]" in texts["record.json"]
    )
    name = folder.name.rsplit("-", 1)[1]
    for words in (
        ("list", str(planted)),
        ("show", str(planted), name),
        ("page", str(planted)),
        ("verify", str(planted)),
    ):
        said = pgha("records", *words)
        texts[" ".join(words[:1])] = (said.stdout + said.stderr).encode()
    texts |= {"stdout": out.encode(), "stderr": err.encode()}
    texts["index.html"] = (pair.folder / "records" / "index.html").read_bytes()
    assert sought(texts) == []


def test_no_canary_is_in_what_plain_papermill_leaves(
    pair: Lab, planted: Path, tmp_path: Path
) -> None:
    """Without our engine the kernel itself keeps them in, from the first cell on."""
    known = set(records(pair))
    checkout = altered_checkout(tmp_path, CARELESS.replace("STANDBY", repr(standby_of(pair))))
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(checkout / "notebooks" / "verify.ipynb"),
        str(tmp_path / "out.ipynb"),
    ]
    command += [
        "-p",
        "pair",
        str(planted),
        "-p",
        "light",
        "True",
        "--log-output",
        "--no-progress-bar",
    ]
    done = subprocess.run(
        command, capture_output=True, env=environment_of(checkout), cwd=tmp_path, timeout=120
    )
    assert done.returncode == 1 and b"could not connect" in done.stderr
    assert pgha("records", "attach", str(tmp_path / "out.ipynb")).returncode == 0
    (folder,) = set(records(pair)) - known
    # the text of a cell is what its author has typed: plain papermill writes that down, and only
    # attach redacts it
    outputs = [
        cell.get("outputs") for cell in json.loads((tmp_path / "out.ipynb").read_text())["cells"]
    ]
    told = json.dumps(outputs, ensure_ascii=False).encode()
    said = {"outputs": told, "stdout": done.stdout, "stderr": done.stderr}
    assert sought({**bundle(folder), **said}) == []


def test_our_engine_keeps_a_secret_parameter_out_of_any_notebook(tmp_path: Path) -> None:
    """Papermill stores a parameter twice, in a cell and in the metadata; the cell still runs with
    the real one.
    """
    notebook = json.loads((CHECKOUT / "notebooks" / "verify.ipynb").read_text())
    cell = {
        "cell_type": "code",
        "id": "a",
        "execution_count": None,
        "outputs": [],
        "metadata": {"tags": ["parameters"]},
    }
    check = {
        **cell,
        "id": "b",
        "metadata": {},
        "source": f"assert db_password == {SQL!r}; print(db_password[:4])",
    }
    notebook["cells"] = [{**cell, "source": "db_password = ''"}, check]
    (tmp_path / "in.ipynb").write_text(json.dumps(notebook))
    command = [
        sys.executable,
        "-m",
        "papermill",
        "in.ipynb",
        "out.ipynb",
        "--engine",
        "pgha",
        "-k",
        "python3",
    ]
    done = subprocess.run(
        [*command, "-p", "db_password", SQL], capture_output=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 0, "what is run is not redacted"
    assert sought({"out.ipynb": (tmp_path / "out.ipynb").read_bytes(), "stderr": done.stderr}) == []
