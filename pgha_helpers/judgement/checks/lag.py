"""How far the standby is behind, and what keeps it from catching up."""

from __future__ import annotations

from ...model import Snapshot
from ...model.show import size, span
from .check import check
from .settings import lower_settings
from .streaming import sender_for


@check(value=lambda now: size(now.lag()), limit=lambda now: size(now.pair.limits.lag))
def the_standby_is_close_in_bytes(now: Snapshot) -> str | None:
    """The standby has replayed nearly everything, in bytes.

    Wait, or find what holds it back: network, disk, or a long query on the standby.
    """
    lag, limit = now.lag(), now.pair.limits.lag
    if lag > limit:
        return f"{now.standby.node} is {size(lag)} behind, {size(limit)} allowed"
    return None


def _lag_time(now: Snapshot) -> float | None:
    """Seconds; None where its primary does not tell them, which it does from 10 on."""
    sender = sender_for(now.primary, now.standby.node)
    return sender.replay_lag if sender else 0.0


def _lag_time_told(now: Snapshot) -> str:
    lag = _lag_time(now)
    return "not told before 10" if lag is None else span(lag)


@check(value=_lag_time_told, limit=lambda now: span(now.pair.limits.lag_time))
def the_standby_is_close_in_time(now: Snapshot) -> str | None:
    """The standby has replayed nearly everything, in seconds.

    Wait, or find what holds it back: network, disk, or a long query on the standby.
    """
    lag, limit = _lag_time(now), now.pair.limits.lag_time
    if lag is not None and lag > limit:
        return f"{now.standby.node} is {span(lag)} behind, {span(limit)} allowed"
    return None


@check(value=lambda now: _trend(now))
def the_lag_does_not_grow(now: Snapshot) -> str | None:
    """A lag of more than a quarter of its limit does not grow.

    Wait until the load falls, or find what holds the standby back: network, disk, or a long query
    there.
    """
    before, after, _ = _lags(now)
    beyond = now.pair.limits.lag / 4
    if after > max(before, beyond):
        return f"{now.standby.node} falls behind: {_trend(now)}"
    return None


def _lags(now: Snapshot) -> tuple[int, int, float]:
    """The lag at the first and at the last reading of a close look, and the seconds between them.

    Raises NotSeen without a close look at both nodes.
    """
    ours, theirs = (now.closely(seen.node).readings for seen in (now.primary, now.standby))
    first, last = (max(0, a.lsn - b.lsn) for a, b in zip(ours, theirs, strict=True))
    took = theirs[-1].moment - theirs[0].moment
    return first, last, took


def _trend(now: Snapshot) -> str:
    before, after, seconds = _lags(now)
    if before == after:
        return f"flat at {size(after)}"
    word = "growing" if after > before else "falling"
    return f"{size(after)}, {word} by {size(abs(after - before) / seconds)} a second"


@check(value=lambda now: "paused" if now.standby.replay_paused else "not paused")
def replay_is_not_paused(now: Snapshot) -> str | None:
    """Replay is not paused on the standby.

    If a setting is lower there, raise it and restart the standby. Else find out who paused it,
    then: select pg_wal_replay_resume().
    """
    standby = now.standby
    survey = now.survey.get(standby.node, "")
    pause = "" if isinstance(survey, str) else survey.pause
    if not standby.replay_paused and pause in ("", "not paused"):
        return None
    why = "; ".join(lower_settings(now)) or "somebody called pg_wal_replay_pause()"
    state = "is asked to pause" if pause == "pause requested" else "is paused"
    return f"replay {state} on {standby.node} at {standby.replayed}: {why}"


@check(value=lambda now: span(now.standby.replay_delay), limit=lambda _: span(0))
def replay_is_not_delayed(now: Snapshot) -> str | None:
    """Replay is not delayed on purpose.

    Set recovery_min_apply_delay to 0 on the standby and reload.
    """
    delay = now.standby.replay_delay
    return f"recovery_min_apply_delay is {span(delay)} on {now.standby.node}" if delay > 0 else None
