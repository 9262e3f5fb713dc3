"""The file of database lines that pgha owns: read whole, written whole, and nothing else in it."""

from __future__ import annotations

import pytest

from pgha_helpers.clients.ini import HEADER, Line, Target, includes, read_ini, write

TEXT = f'''{HEADER}
app = host=10.0.0.10 port=5432 dbname=app

\tapp-ro =host=10.0.0.11  port=5432   password='it''s a = "secret"' dbname = 'my app'
"Odd ""name""" = host=10.0.0.10 port=6000
'''


def test_where_each_line_points() -> None:
    lines = read_ini(TEXT)
    assert {name: line.target for name, line in lines.items()} == {
        "app": Target("10.0.0.10", 5432),
        "app-ro": Target("10.0.0.11", 5432),
        'Odd "name"': Target("10.0.0.10", 6000),
    }
    assert lines["app-ro"].rest.endswith("""password='it''s a = "secret"' dbname = 'my app'""")


def test_it_is_written_whole_and_read_as_it_was() -> None:
    lines = read_ini(TEXT)
    assert read_ini(write(lines)) == lines
    assert write(lines).splitlines() == [
        HEADER,
        "app = host=10.0.0.10 port=5432 dbname=app",
        """app-ro = host=10.0.0.11 port=5432   password='it''s a = "secret"' dbname = 'my app'""",
        '"Odd ""name""" = host=10.0.0.10 port=6000',
    ]


def test_lines_may_end_as_on_windows_and_a_file_may_have_none() -> None:
    assert read_ini(f"{HEADER}\r\na = host=x port=1\r\n") == {"a": Line(Target("x", 1))}
    assert read_ini(write({})) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "its first line is not ';; pgha writes this file whole"),
        ("[databases]\napp = host=x port=1\n", "its first line is not ';; pgha"),
        (f"{HEADER}\n[databases]\n", "its line 2 is another section"),
        (f"{HEADER}\napp = host=x port=1\n[pgbouncer]\n", "its line 3 is another section"),
        (f"{HEADER}\n; app = host=x port=1\n", "its line 2 is no line of a database"),
        (f"{HEADER}\n%include more.ini\n", "its line 2 is no line of a database"),
        (f"{HEADER}\n* = host=x port=1\n", "its line 2 is no line of a database"),
        (f"{HEADER}\nlisten_port = 6432\n", "its line 2 is no line of a database"),
    ],
)
def test_what_is_not_ours_is_refused_with_where_it_belongs(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"move whatever else .* to pgbouncer\.ini") as odd:
        read_ini(text)
    assert words in str(odd.value) and "docs/clients.md" in str(odd.value)


def test_two_lines_of_a_database_are_refused() -> None:
    with pytest.raises(ValueError, match="two lines for database a: leave one"):
        read_ini(f'{HEADER}\na = host=x port=1\n"a" = host=x port=2\n')


@pytest.mark.parametrize(
    "string",
    [
        "host=x",
        "port=1 host=x",
        "host=x port=many",
        "host=x port=1 host=y",
        "host=x port=1 port=2",
        "host=x port=1 dbname='open",
        "host=x port=1 dbname",
        "host=x port=1 = y",
        "host=x port=1 dbname='a'b",
        "host=x port=1 ; host=y",
    ],
)
def test_a_line_that_could_be_read_in_two_ways_is_refused_without_being_told(string: str) -> None:
    with pytest.raises(ValueError, match="its line 2 is no line of a database") as refused:
        read_ini(f"{HEADER}\napp = {string} password=hunter2\n")
    assert "hunter2" not in str(refused.value)


def test_a_password_is_not_in_what_is_shown_of_a_line() -> None:
    line = Line(Target("x", 1), " password=hunter2")
    assert "hunter2" not in repr(line)


def test_what_an_ini_includes() -> None:
    text = "[databases]\n%include /etc/pgbouncer/pgha/databases.ini\n; %include /no\n"
    assert includes(text) == ["/etc/pgbouncer/pgha/databases.ini"]
