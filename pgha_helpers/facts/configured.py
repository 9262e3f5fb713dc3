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
from ..model.dialect import NEWEST
from ..model.errors import understood
from ..model.foreign import lines_of, text_of
from ..model.major import Major
from ..wire.doors import Door
from ..wire.scripts import script_file
from .recovery_conf import parse_recovery_conf, settings_of

_READ = script_file(__file__, "configured.sh")
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
    return _read(door, directory, outside, True)


def configured_settings(door: Door, directory: str, outside: str = "") -> Mapping[str, str]:
    """Its settings alone: no file that tells who is let in is read. See configuration."""
    return _read(door, directory, outside, False).settings


def _read(door: Door, directory: str, outside: str, access: bool) -> Configuration:
    known: dict[str, list[str] | str | None] = {}
    while True:
        reading = _Reading(known, directory, outside or directory, door.programs() or NEWEST)
        if access:
            reading.go_on()
        if not reading.wanted:
            return reading.found
        lines = door.script(_READ, *reading.wanted, within=door.patience).lines
        with understood(door.node.name, "what it tells of its configuration's files"):
            for path, line in zip(reading.wanted, lines, strict=True):
                known[path] = _content(line)


def _content(line: str) -> list[str] | str | None:
    """Names in a folder, or the text of a file. Raises ValueError."""
    word, _, content = line.partition(" ")
    text = text_of(base64.b64decode(content))
    if word == "folder":
        return lines_of(text)
    return text if word == "file" else None


class _Reading:
    """One pass over the texts that are known; what it still wants is read, and all is begun anew.

    In the order of the server: what is included stands where the line stands, and what comes last
    counts.
    """

    def __init__(
        self, known: Mapping[str, list[str] | str | None], home: str, config: str, major: Major
    ) -> None:
        self.found = Configuration()
        self.wanted: list[str] = []
        self._known, self._home, self._config = known, home, config
        # up to 11, and one of ours that waits
        for name in ("recovery.done", "recovery.conf.pgha", "recovery.conf"):
            if text := self._text(f"{home}/{name}"):
                self.found.settings |= parse_recovery_conf(text, major)
        self._settings(f"{config}/postgresql.conf")
        self._settings(f"{home}/postgresql.auto.conf")

    def go_on(self) -> None:
        """Who is let in, and which files the settings name."""
        settings, home, config = self.found.settings, self._home, self._config
        hba = self._path(settings.get("hba_file", ""), home)
        ident = self._path(settings.get("ident_file", ""), home)
        self.found.hba = hba or f"{config}/pg_hba.conf"
        self._access(self.found.hba, self.found.access)
        self._access(ident or f"{config}/pg_ident.conf", [])
        self._hosts(self._path(settings.get("hosts_file", ""), home) or f"{config}/pg_hosts.conf")
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
        self.found.named.add(path)
        names = self._known.get(path)
        if not isinstance(names, list):
            return []
        return [join(path, name) for name in names if not name.startswith(".")]

    def _path(self, value: str, base: str) -> str:
        return normpath(join(base, value)) if value else ""

    def _settings(self, path: str, depth: int = 0) -> None:
        self.found.named.add(path)
        if depth >= _DEPTH:
            return
        base = path.rpartition("/")[0]
        for name, value in settings_of(self._text(path)):
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
        if depth >= _DEPTH:
            return
        base = path.rpartition("/")[0]
        for line in self._text(path).split("\n"):
            words = [*_tokens(line), "", ""]
            first, second = words[:2]
            if first == "include_dir":
                for each in self._folder(self._path(second, base)):
                    self._access(each, lines, depth + 1)
            elif first in ("include", "include_if_exists"):
                self._access(self._path(second, base), lines, depth + 1)
            elif first:
                lines.append(words[:-1])
                self._lists(words, base, depth)

    def _lists(self, words: list[str], base: str, depth: int) -> None:
        """The lists of names that a line takes from a file, as `@file`."""
        for word in words:
            if word.startswith("@") and word != "@":
                self._access(self._path(word[1:], base), [], depth + 1)

    def _hosts(self, path: str) -> None:
        """Of 19: the names of a host, then its certificate, key and authority."""
        self.found.named.add(path)
        for line in self._text(path).split("\n"):
            words = re.sub(r",\s+", ",", line.partition("#")[0]).split()
            self.found.named |= {self._path(word.strip('"'), self._home) for word in words[1:4]}

    def _other_files(self) -> None:
        named = self.found.named
        for name, value in self.found.settings.items():
            if value and _FILES.fullmatch(name):
                named.add(self._path(value, self._home))
        conninfo = parts(self.found.settings.get("primary_conninfo", ""))
        for key in _KEYWORDS:
            if path := conninfo.get(key):
                named.add(self._path(path, self._home))


def _tokens(line: str) -> Iterator[str]:
    """The words of a line of pg_hba.conf, without their quotes.

    >>> list(_tokens('host all,@users "odd name" 10.0.0.1/32 md5 # x'))
    ['host', 'all', '@users', 'odd name', '10.0.0.1/32', 'md5']
    """
    for match in _TOKEN.finditer(line):
        if match[0].startswith("#"):
            return
        yield match[0].strip('"').replace('""', '"')
