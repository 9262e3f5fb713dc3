"""A program of its own that sends letters by apprise: `python -m pgha_helpers.monitoring.sender`.

So that whoever waits for it can end it, whatever it hangs in, and loads nothing himself. Letters
come as JSON on its standard input, addresses and all: no other user of the machine sees them there.
It answers with a line of JSON per letter, as soon as it knows.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import sys
import threading
from typing import Any


def _send(letter: dict[str, str], within: float) -> str:
    """Send one; gives why it could not be, else nothing."""
    try:
        import apprise  # where only the checkout is of today it is not there yet

        asset = apprise.AppriseAsset(async_mode=False, app_id="pgha", app_desc="pgha", app_url="")
        # a redirect of a POST that is followed becomes a GET without the notice in it
        asset.http_redirects = False
        to = apprise.Apprise(asset=asset)
        if not to.add(letter["to"]):
            return "apprise knows no such address"
        tone = getattr(apprise.NotifyType, letter["tone"].upper())
        done = to.notify(
            title=letter["title"],
            body=letter["text"],
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=tone,
            timeout=within,
            log_level=logging.DEBUG,
        )
        return "" if done else _complaint([(entry.level, entry.message) for entry in done.logs()])
    except Exception as error:  # whatever a plugin raises: the others are still to be sent
        return f"{type(error).__name__}: {error}"


def _complaint(said: list[tuple[str, str]]) -> str:
    """What apprise complained of first, and the line below it, which mostly has the cause.

    >>> _complaint([("WARNING", "Failed: Internal server error., error=500."), ("DEBUG", "b''")])
    "Failed: Internal server error., error=500. b''"
    >>> _complaint([("WARNING", "Failed: error=301."), ("DEBUG", "Response Details:\\nb'<html>'")])
    "it is elsewhere: write that address. Failed: error=301. Response Details: b'<html>'"
    """
    for number, (level, words) in enumerate(said):
        if level in ("WARNING", "ERROR"):
            below = [text for _, text in said[number + 1 : number + 2]]
            told = " ".join(" ".join([words, *below]).split())
            moved = re.search(r"\berror=3\d\d\b", told)
            return f"it is elsewhere: write that address. {told}" if moved else told
    return "apprise does not say why"


def main() -> None:
    """Send each in a thread of its own, and end."""
    told: dict[str, Any] = json.load(sys.stdin)
    within = float(told["within"])
    signal.alarm(math.ceil(within) + 1)  # also when nobody waits any more
    log = logging.getLogger("apprise")
    log.setLevel(logging.DEBUG)  # why a connection failed it tells only there
    log.propagate = False
    mouth = threading.Lock()

    def work(number: int, letter: dict[str, str]) -> None:
        why = _send(letter, within)
        with mouth:
            print(json.dumps({"letter": number, "why": why}), flush=True)

    threads = [threading.Thread(target=work, args=each) for each in enumerate(told["letters"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


if __name__ == "__main__":
    main()
