"""What a node's configuration says, whether the server runs or not.

Its settings, and every file that it names.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import join, normpath

from ..model.conninfo import parts
from ..model.errors import understood
from ..model.foreign import lines_of, text_of
from ..wire.doors import Door
from .recovery_conf import parse_recovery_conf, settings_of

#: A line for each path: `file` or `folder` with its content, or `none`. Of a folder what
#: include_dir takes from it.
_READ = r"""
for path; do
  if [ -d "$path" ]; then
    printf 'folder %s\n' "$(cd "$path" && ls -1 | grep '\.conf$' | LC_ALL=C sort | base64 -w 0)"
  elif [ -f "$path" ]; then printf 'file %s\n' "$(base64 -w 0 < "$path")"
  else echo none; fi
done 2>/dev/null
"""
_DEPTH = 10  # of includes, as PostgreSQL has it

#: Settings that name a file, and the keywords of a connection string that do.
_FILES = re.compile(r"ssl_\w+_file|ssl_crl_dir|krb_server_keyfile|hba_file|ident_file")
_KEYWORDS = ("passfile", "servicefile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir")

_TOKEN = re.compile(r'"(?:[^"]|"")*"|[^\s,"#]+|#.*')


@dataclass
class Configuration:
    """Settings by name, as they would be read at a start; `named` are paths, in no order.

    `hba` is one of them, and `access` are its lines, as lists of words.
    """

    settings: dict[str, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    hba: str = ""
    access: list[list[str]] = field(default_factory=list)


def configuration(door: Door, directory: str, outside: str = "") -> Configuration:
    """Read a node's configuration from its files.

    `outside` is the directory of postgresql.conf where that is not the data directory. Raises
    Unreachable, TooSlow or CommandFailed. What cannot be read says nothing.
    """
    known: dict[str, list[str] | str | None] = {}
    while True:
        reading = _Reading(known, directory, outside or directory)
        if not reading.wanted:
            return reading.found
        answer = door.script(_READ, *reading.wanted, within=door.patience).lines
        with understood(door.node.name, "what it tells of its configuration's files"):
            known |= {
                path: _content(line) for path, line in zip(reading.wanted, answer, strict=True)
            }


def _content(line: str) -> list[str] | str | None:
    """Names in a folder, or the text of a file. Raises ValueError."""
    word, _, told = line.partition(" ")
    text = text_of(base64.b64decode(told))
    if word == "folder":
        return lines_of(text)
    return text if word == "file" else None


class _Reading:
    """One pass over the texts that are known; what it still wants is read, and all is begun anew.

    In the order of the server: what is included stands where the line stands, and what comes last
    counts.
    """

    def __init__(self, known: Mapping[str, list[str] | str | None], home: str, config: str) -> None:
        self.found = Configuration()
        self.wanted: list[str] = []
        self._known, self._home = known, home
        # up to 11, and one of ours that waits
        for name in ("recovery.done", "recovery.conf.pgha", "recovery.conf"):
            if text := self._text(f"{home}/{name}"):
                self.found.settings |= parse_recovery_conf(text)
        self._settings(f"{config}/postgresql.conf")
        self._settings(f"{home}/postgresql.auto.conf")
        told = self.found.settings
        self.found.hba = self._path(told.get("hba_file", ""), home) or f"{config}/pg_hba.conf"
        self._access(self.found.hba, self.found.access)
        self._access(self._path(told.get("ident_file", ""), home) or f"{config}/pg_ident.conf", [])
        self._other_files()

    def _text(self, path: str) -> str:
        """A file's text; empty where there is none, or it is not known yet."""
        if path not in self._known:
            self.wanted.append(path)
        text = self._known.get(path)
        return text if isinstance(text, str) else ""

    def _folder(self, path: str) -> list[str]:
        if path not in self._known:
            self.wanted.append(path)
        names = self._known.get(path)
        self.found.named.add(path)
        if not isinstance(names, list):
            return []
        return [join(path, name) for name in names if not name.startswith(".")]

    def _path(self, value: str, base: str) -> str:
        return normpath(join(base, value)) if value else ""

    def _settings(self, path: str, depth: int = 0) -> None:
        self.found.named.add(path)
        base = path.rpartition("/")[0]
        for name, value in settings_of(self._text(path)) if depth < _DEPTH else ():
            if name in ("include", "include_if_exists"):
                self._settings(self._path(value, base), depth + 1)
            elif name == "include_dir":
                for each in self._folder(self._path(value, base)):
                    self._settings(each, depth + 1)
            else:
                self.found.settings[name] = value

    def _access(self, path: str, lines: list[list[str]], depth: int = 0) -> None:
        """pg_hba.conf or pg_ident.conf.

        Its includes (from 16 on), and the lists of names that it takes from a file.
        """
        self.found.named.add(path)
        base = path.rpartition("/")[0]
        for line in self._text(path).split("\n") if depth < _DEPTH else ():
            first, *more = [*_tokens(line), ""]
            if first == "include_dir":
                for each in self._folder(self._path(more[0], base)):
                    self._access(each, lines, depth + 1)
            elif first in ("include", "include_if_exists"):
                self._access(self._path(more[0], base), lines, depth + 1)
            elif first:
                lines.append([first, *more])
                for token in (first, *more):
                    if token.startswith("@") and token != "@":
                        self._access(self._path(token[1:], base), [], depth + 1)

    def _other_files(self) -> None:
        for name, value in self.found.settings.items():
            if value and _FILES.fullmatch(name):
                self.found.named.add(self._path(value, self._home))
        reach = parts(self.found.settings.get("primary_conninfo", ""))
        self.found.named |= {
            self._path(reach[key], self._home) for key in _KEYWORDS if reach.get(key)
        }


def _tokens(line: str) -> Iterator[str]:
    """The words of a line of pg_hba.conf, without their quotes.

    >>> list(_tokens('host all,@users "odd name" 10.0.0.1/32 md5 # x'))
    ['host', 'all', '@users', 'odd name', '10.0.0.1/32', 'md5']
    """
    for match in _TOKEN.finditer(line):
        if match[0].startswith("#"):
            return
        yield match[0].strip('"').replace('""', '"')
