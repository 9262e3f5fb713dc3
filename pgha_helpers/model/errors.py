"""What can go wrong, in two branches: a Refusal (nothing was changed) and a Failure (something
was).

Every error is one sentence of what and where, and usually a remedy: what is allowed, and what to
type next.
"""

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .causes import Cause
from .foreign import ODD, shown

_OURS = str(Path(__file__).parents[1])


class HaError(Exception):
    """The root. `what` says what is wrong and where, `remedy` what to do about it."""

    #: What to do about an error of this kind that came in the middle of a change and brings no
    #: remedy of its own. Only where nobody answered does it help to run the same again; whoever has
    #: answered will answer the same.
    in_a_change = (
        "mend that, then run this notebook again with the same words: it goes on from what it finds"
    )

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what = shown(what)
        self.remedy = shown(remedy)
        super().__init__(self.what)

    def __str__(self) -> str:
        return f"{self.what}\n  What to do: {self.remedy}" if self.remedy else self.what

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of a traceback: a foreseeable fault needs a sentence, not
        forty frames.
        """
        return [f"{type(self).__name__}: {self}"]


class Refusal(HaError):
    """Nothing was changed."""


class Failure(HaError):
    """Something was changed, and the aim was not reached."""


class BadParameters(Refusal, ValueError):
    """A pair file or a notebook parameter that cannot be meant."""


class Unreachable(Refusal, ConnectionError):
    """Nobody answered: ssh or PostgreSQL, and why. `answer` holds the words of a server that did,
    and refused us.
    """

    in_a_change = (
        "see that it answers, then run this notebook again with the same words: it "
        "goes on from what it finds"
    )

    def __init__(self, what: str, remedy: str = "", answer: str = "") -> None:
        super().__init__(what, remedy)
        self.answer = answer


class CommandFailed(Refusal):
    """A remote command answered with an exit status that was not expected."""


class QueryFailed(Refusal):
    """PostgreSQL answered a statement with an error."""


class Unreadable(CommandFailed, QueryFailed):
    """Somebody answered, and what he said cannot be read: as good as no answer."""


class NoRoom(CommandFailed, QueryFailed):
    """A disk, or a quota on it, takes nothing more."""

    in_a_change = (
        "make room there, then run this notebook again with the same words: it goes on "
        "from what it finds"
    )


class TooSlow(Refusal, TimeoutError):
    """A deadline passed. It says nothing about whether the work was done: look again."""

    in_a_change = (
        "run this notebook again with the same words: it looks what was done, and goes "
        "on from there"
    )


class NotSeen(Refusal):
    """A node that a judgement leans on did not answer, or is not what it should be.

    `causes` tell why, each with its own remedy.
    """

    def __init__(self, what: str, remedy: str = "", causes: Iterable[Cause] = ()) -> None:
        super().__init__(what, remedy)
        self.causes = tuple(causes) or (Cause((), self.what.split("\n")[0], self.remedy),)


class NotSafe(Refusal):
    """One or more checks say no."""


class NotConfirmed(Refusal):
    """The consent that was typed is not the consent that is needed."""


class Locked(Refusal):
    """Another run is changing this pair."""


class Unhealthy(Refusal):
    """How a verify ends that found something critical, or could not see."""


class NotAchieved(Failure):
    """It was done, looked at again, and is not so."""


class Undecided(Failure):
    """A change was asked for, the answer was lost, and a second look could not tell."""


class Aborted(Failure):
    """A hand-over was given up before promote was sent: the old primary is primary again."""


@contextmanager
def understood(who: str, what: str) -> Iterator[None]:
    """Around whatever reads what others say: what cannot be read is an Unreadable that says whose
    it was, and why.
    """
    try:
        yield
    except HaError:
        raise
    except ValueError as odd:
        raise Unreadable(f"{who}: {what} cannot be read: {odd}") from odd
    except ODD as odd:
        raise Unreadable(
            f"{who}: {what} cannot be read: a part of it is missing, or has another form"
        ) from odd


def said(error: BaseException) -> str:
    """What to say of whatever went wrong, as a part of a sentence: no numbers of errors, and no
    names of Python's.
    """
    if isinstance(error, HaError):
        return error.what
    if isinstance(error, OSError) and error.strerror:
        return shown(": ".join(filter(None, (str(error.filename or ""), error.strerror))))
    return unforeseen(error) or shown(f"{type(error).__name__}: {error}")


def unforeseen(error: BaseException) -> str:
    """What to say of an exception that is none of the above: where in this package it was raised,
    and its own words.

    Empty where none of this package's code had a part in it.
    """
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(_OURS)
    ]
    if not ours:
        return ""
    where = f"{Path(ours[-1].filename).relative_to(_OURS)}, line {ours[-1].lineno}"
    return shown(f"pgha did not foresee this: {type(error).__name__}: {error} ({where})")
