"""Secrets are taken out in every form that they take on their way into a record."""

from __future__ import annotations

import base64
import json
import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgha_helpers.run.redaction import REDACTED, Redactor, secrets_of

from .pictures import pair

CANARY = "cAn4ry'\"\\ü&:pw"
SECRETS = st.text(string.printable + "üß'\"\\", min_size=6, max_size=30).filter(
    lambda s: s not in REDACTED
)


@settings(deadline=None)  # the first example imports, and a busy machine is slow
@given(SECRETS, st.integers(0, 5))
def test_no_form_of_a_known_value_is_left(secret: str, before: int) -> None:
    scrub = Redactor([secret])
    plain = "x" * before + secret + "y"
    forms = [
        plain,
        json.dumps({"k": plain}),
        json.dumps({"k": plain}, ensure_ascii=False),
        repr(plain),
    ]
    forms += [plain.upper(), plain.lower(), plain[::-1]]
    forms += [
        quote(plain, safe=""),
        base64.b64encode(plain.encode()).decode(),
        plain.encode().hex(),
    ]
    for form in forms:
        assert scrub.text(form) != form
        assert secret not in scrub.text(form)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("host=a password=hunter2 port=5", "host=a password=[redacted] port=5"),
        ("password='it''s \\' x' user=a", "password=[redacted] user=a"),
        (
            "primary_conninfo = 'host=a password=''h u'' port=1'",
            "primary_conninfo = 'host=a password=[redacted] port=1'",
        ),
        ("postgres://ann:hunter2@db0/x", "postgres://ann:[redacted]@db0/x"),
        ("postgresql://:hunter2@db0", "postgresql://:[redacted]@db0"),
        ("alter role r password 'hunter2'", "alter role r password '[redacted]'"),
        ('{"password": "hunter2", "a": 1}', '{"password": [redacted], "a": 1}'),
        (r"{\"password\": \"hunter2\", \"a\": 1}", r"{\"password\": [redacted], \"a\": 1}"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[redacted] psql"),
        ("sslpassword = x", "sslpassword = [redacted]"),
        ("if db_password == 'x y': pass", "if db_password == [redacted]: pass"),
        ("f(\x1b[39mpassword\x1b[33m=\x1b[31m'hunter2'\x1b[0m)", "f(password=[redacted])"),
        ("restic --token hunter2 x", "restic --token [redacted] x"),
        ("fetch --api-key='h u' %f", "fetch --api-key=[redacted] %f"),
        ("AWS_SECRET_ACCESS_KEY=hunter2 aws s3", "AWS_SECRET_ACCESS_KEY=[redacted] aws s3"),
        ("export GITLAB_TOKEN='hunter2'", "export GITLAB_TOKEN=[redacted]"),
        ("curl https://a/b?sig=hun%2Fter2&x=1", "curl https://a/b?sig=[redacted]&x=1"),
        (
            "curl 'https://a/b?v=1&X-Amz-Signature=hunter2'",
            "curl 'https://a/b?v=1&X-Amz-Signature=[redacted]'",
        ),
        ("git clone https://hunter2@a/b", "git clone https://[redacted]@a/b"),
        (
            "curl -H 'Authorization: Bearer hunter2' a",
            "curl -H 'Authorization: Bearer [redacted]' a",
        ),
        ("ssl_passphrase_command = 'echo hunter2'", "ssl_passphrase_command = [redacted]"),
        ("ghp_" + "a1" * 18, "[redacted]"),
        ("AKIA" + "A1" * 8, "[redacted]"),
        ("SCRAM-SHA-256$4096:ab==$cd=:ef=", "[redacted]"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
            "[redacted]",
        ),
    ],
)
def test_what_looks_like_a_password_is_taken_out(said: str, left: str) -> None:
    assert Redactor().text(said) == left
    assert Redactor().text(left) == left, "twice changes nothing more"


@pytest.mark.parametrize(
    "said",
    [
        'password authentication failed for user "x"',
        "fe_sendauth: no password supplied",
        "passfile=/home/a/.pgpass",
        "gpg --passphrase-file /a/b --token-file=/c",
        "psql --no-password --list",
        "http://127.0.0.1:8888/lab?reset",
        "the token was refused",
        "ssl_key_file = 'server.key'",
        "https://example.org/a:b",
        "host all all scram-sha-256",
        "2026-11-22T22:08:53Z",
        "\x1b[31mred\x1b[0m",
    ],
)
def test_what_is_no_password_stays(said: str) -> None:
    assert Redactor().text(said) == said


def test_a_thing_that_is_called_a_password_is_one() -> None:
    told = Redactor().whole({"a": [{"db_password": "x y", "rows": 3}], "note": "password=z"})
    assert told == {"a": [{"db_password": REDACTED, "rows": 3}], "note": f"password={REDACTED}"}


def test_values_come_from_passfiles_and_named_variables(tmp_path: Path) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text(
        "# not:a:line:at:all\nh:5432:*:ann:pa\\:ss\\\\w\nshort:line\n*:*:*:*:other\f-one\r\n"
    )
    environment = {
        "PGPASSFILE": str(tmp_path / "absent"),
        "PGPASSWORD": "from-env",
        "VAULT": "canary-1",
        "HOME": "/root",
    }
    found = secrets_of(
        pair(passfile=str(passfile), secret_variables=("VAULT", "UNSET")), environment
    )
    assert found == {"pa:ss\\w", "other\f-one", "from-env", "canary-1"}


def test_an_address_that_is_read_from_the_environment_is_a_secret_and_so_are_its_parts() -> None:
    told = pair(notify=("env:CHAT", "env:MAIL"), heartbeat="env:BEAT")
    there = {
        "CHAT": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "MAIL": "mailtos://ops:o%20pen@mx1.prod.example.org?to=dba@example.org",
        "BEAT": "https://hc1.prod.example.org/ping/5c1a9a0e-3b44-4fd2-9f3e-0f5a6f9a0c11",
    }
    clean = Redactor(secrets_of(told, there)).text
    assert clean("POST /services/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ") == (
        f"POST /services/A1BRTD4JD/{REDACTED}"
    )
    assert "o pen" not in clean("with 'o pen'") and "o%20pen" not in clean("ops:o%20pen")
    assert "5c1a9a0e" not in clean("GET /ping/5c1a9a0e-3b44-4fd2-9f3e-0f5a6f9a0c11")
    where = "mx1.prod.example.org and hc1.prod.example.org, ping and example.org"
    assert clean(where) == where, "hosts may be those of nodes"
    assert clean(there["CHAT"]) == REDACTED


def test_a_very_short_value_is_only_known_by_its_looks() -> None:
    assert Redactor(["a"]).text("a standby, password=a") == f"a standby, password={REDACTED}"


def test_a_secret_over_several_lines_of_a_notebook_is_found() -> None:
    lines = ["a\n", "-----BEGIN PRIVATE KEY-----\n", "xyz\n", "-----END PRIVATE KEY-----\n", "b"]
    assert Redactor().whole({"source": lines}) == {"source": ["a\n", f"{REDACTED}\n", "b"]}


def test_a_long_picture_takes_no_time() -> None:
    """Not a timed test: a pattern that is quadratic in the length of one word would run for
    minutes.
    """
    picture = "iVBORw0KGgo" + "aB3+" * 250_000
    assert Redactor(["correct horse battery"]).text(picture) == picture
