"""May the role that changes, `user:`, do what a change takes? Asked before it is to do it.

Of whoever answers: the role that looks asks by name. A superuser may do everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...model import Cause, Running, Snapshot, dialect
from ...model.causes import merged
from ...model.grants import ALTER, BY_ITSELF, TO_BACK_UP, TO_CHANGE, TO_END_SESSIONS, Grant
from ...model.rights import lacking_of
from .check import check

_OTHER = "name a superuser as user: in the pair file"
_ALWAYS = (*BY_ITSELF, *(grant for grant in TO_CHANGE if not grant.spared))
_SOMETIMES = tuple(it for it in TO_CHANGE if it.spared and it is not TO_END_SESSIONS)
#: While nobody is primary nothing can be granted: no more than a failover cannot go on without.
_TO_PROMOTE = tuple(
    lacking_of(
        TO_CHANGE,
        (
            "execute on function pg_promote(boolean, integer)",
            "execute on function pg_reload_conf()",
            f"{ALTER}primary_conninfo",
        ),
    )
)


@check(value=lambda now: _who(now))
def who_changes_has_the_rights_for_it(now: Snapshot) -> tuple[Cause, ...]:
    """The role that changes (user) has the rights that every change takes.

    Type what is named as a superuser. `pgha grants PAIR operator` prints all that it takes.
    """
    return _lacking(now, _ALWAYS)


@check(level="warning", value=lambda now: _who(now))
def who_changes_may_end_sessions(now: Snapshot) -> tuple[Cause, ...]:
    """The role that changes (user) may end sessions, as a drain does.

    Type what is named as a superuser. With drain= it refuses the change.
    """
    return _lacking(now, (TO_END_SESSIONS,))


@check(level="warning", value=lambda now: _who(now))
def who_changes_has_the_rights_for_more(now: Snapshot) -> tuple[Cause, ...]:
    """The role that changes (user) has the rights that some changes take, too.

    Type what is named as a superuser, or know what is not done without it.
    """
    return _lacking(now, _SOMETIMES)


@check(value=lambda now: _who(now))
def who_changes_may_back_up(now: Snapshot) -> tuple[Cause, ...]:
    """The role that changes (user) may begin and end a base backup, as a rebuild by rsync does.

    Type what is named as a superuser, or choose another method.
    """
    return _lacking(now, (TO_BACK_UP,))


@check(value=lambda now: _who(now))
def who_changes_may_promote(now: Snapshot) -> tuple[Cause, ...]:
    """The role that changes (user) may let the standby go from its primary, and promote it.

    Name a superuser as user: in the pair file: while no node is primary nothing can be granted.
    """
    return tuple(replace(cause, remedy=_OTHER) for cause in _lacking(now, _TO_PROMOTE))


@check(value=lambda now: _who(now))
def who_changes_is_a_superuser(now: Snapshot) -> tuple[Cause, ...]:
    """The role that changes (user) is a superuser, which setup takes.

    It makes roles, and sets whatever is missing. Name another one as user: in the pair file.
    """
    why = "setup makes roles, and sets whatever is missing"
    wanting = [seen for seen in now.running if not seen.rights.superuser]
    return merged(
        _no_superuser(seen, why) if seen.rights.there else _missing(now, seen) for seen in wanting
    )


def _lacking(now: Snapshot, grants: Iterable[Grant]) -> tuple[Cause, ...]:
    asked = tuple(grants)
    if not now.running:
        raise now.not_seen(now.pair.names[0])
    return merged(cause for seen in now.running for cause in _of(now, seen, asked))


def _of(now: Snapshot, seen: Running, grants: tuple[Grant, ...]) -> Iterator[Cause]:
    """What one node says against it, each with what a superuser types."""
    rights = seen.rights
    if rights.superuser:
        return
    if not rights.there:
        yield _missing(now, seen)
        return
    if not dialect.has("alter_system_grants", seen.major):
        yield _no_superuser(seen, "before 15 ALTER SYSTEM and CHECKPOINT cannot be granted")
        return
    connects = (Grant((it,), "its sessions") for it in rights.lacks if it.startswith("connect"))
    for grant in (*(connects if grants is _ALWAYS else ()), *lacking_of(grants, rights.lacks)):
        what = f"role {rights.role!r} lacks {', '.join(grant.given)}: {grant.why}"
        yield Cause((seen.node,), what, grant.remedy(rights.role, now.pair.database))


def _missing(now: Snapshot, seen: Running) -> Cause:
    remedy = f"`pgha grants {now.pair.name} operator` prints it; or {_OTHER}"
    what = f"there is no role {seen.rights.role!r}, which is to change"
    return Cause((seen.node,), what, remedy)


def _no_superuser(seen: Running, why: str) -> Cause:
    role = seen.rights.role
    remedy = Grant(("superuser",), why, attribute=True).remedy(role, "")
    what = f"role {role!r} is no superuser: {why}"
    return Cause((seen.node,), what, f"{remedy} Or {_OTHER}")


def _who(now: Snapshot) -> str:
    """Who it is, and whether nothing more was to be asked."""
    rights = [seen.rights for seen in now.running]
    which = "superuser" if all(it.superuser for it in rights) else "by grants"
    return f"{now.pair.user}, {which}"
