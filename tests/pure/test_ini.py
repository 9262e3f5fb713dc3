"""Database lines of a pgbouncer.ini: only host and port change, whatever stands around them."""

from __future__ import annotations

import pytest

from pgha_helpers.clients.ini import Target, includes, pointed, targets

TEXT = '''\
;; a comment: app = host=nowhere
# another = host=nowhere
[databases]
%include /etc/pgbouncer/more.ini
app = host=10.0.0.10 port=5432 dbname=app
\tapp_ro=port = 5432   host='10.0.0.11'  password='it''s a = "secret"' dbname='my app'
"Odd ""name""" = host='10.0.0.10' pool_size=5 ; host=here
socket = dbname=x connect_query='select ''a'' || host'
empty =
* = host=10.0.0.10

[pgbouncer]
app = host=not.a.database
listen_port = 6432
'''


def test_where_each_line_points() -> None:
    with pytest.raises(
        ValueError, match=r'the line of database Odd "name" is no connection string'
    ):
        targets(TEXT)
    assert targets(TEXT.replace(" ; host=here", "")) == {
        "app": Target("10.0.0.10", 5432),
        "app_ro": Target("10.0.0.11", 5432),
        'Odd "name"': Target("10.0.0.10", 5432),
        "socket": Target("", 5432),
        "empty": Target("", 5432),
        "*": Target("10.0.0.10", 5432),
    }
    assert includes(TEXT) == ["/etc/pgbouncer/more.ini"]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("app", "host=10.0.0.10 port=5432 dbname=app", "host=db1 port=6000 dbname=app"),
        ("app_ro", "port = 5432   host='10.0.0.11'  pass", "port = 6000   host=db1  pass"),
        ("socket", "host'\n", "host' host=db1 port=6000\n"),
        ("empty", "empty =\n", "empty =host=db1 port=6000\n"),
        ("*", "* = host=10.0.0.10\n", "* = host=db1 port=6000\n"),
    ],
)
def test_only_host_and_port_of_that_line_change(name: str, before: str, after: str) -> None:
    text = TEXT.replace(" ; host=here", "")
    assert text.count(before) == 1
    assert pointed(text, name, "db1", 6000) == text.replace(before, after)
    assert targets(pointed(text, name, "db1", 6000))[name] == Target("db1", 6000)


def test_a_host_that_needs_quotes_gets_them() -> None:
    text = pointed("a = host=x\r\n", "a", "/run/it's here", 1)
    assert text == "a = host='/run/it''s here' port=1\r\n"
    assert targets(text) == {"a": Target("/run/it's here", 1)}


def test_the_last_of_two_keys_counts_as_in_pgbouncer_and_both_lines_of_a_name_move() -> None:
    assert targets("a = host=x host=y") == {"a": Target("y", 5432)}
    assert targets(pointed("a = host=x host=y\na = host=z\n", "a", "n", 1))["a"] == Target("n", 1)


def test_a_file_that_databases_includes_has_no_section() -> None:
    assert pointed("app = host=a\n", "app", "b", 2) == "app = host=b port=2\n"


def test_there_and_back_is_as_it_was() -> None:
    text = TEXT.replace(" ; host=here", "")
    assert pointed(pointed(text, "app", "10.0.0.11", 6000), "app", "10.0.0.10", 5432) == text


def test_a_line_that_is_missing_is_named() -> None:
    with pytest.raises(LookupError, match="appp"):
        pointed(TEXT, "appp", "db1", 6000)


@pytest.mark.parametrize("string", ["host='open", "host", "= x", "host='a'b", "port=many"])
def test_a_string_that_pgbouncer_would_not_take_is_refused_without_being_told(string: str) -> None:
    with pytest.raises(ValueError, match="database app") as refused:
        targets(f"app = password=hunter2 {string}\n")
    assert "hunter2" not in str(refused.value)
