"""What libpq says is told from what a server says: only the latter is alive."""

from __future__ import annotations

import socket
from threading import Thread

import psycopg2
import pytest

from pgha_helpers.model.errors import Unreachable
from pgha_helpers.wire.connecting import _fatal, connection_to

TO = 'connection to server at "127.0.0.1", port 5432 failed'


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (f"{TO}: FATAL:  sorry, too many clients already\n", "sorry, too many clients already"),
        (f"{TO}: ВАЖНО:  слишком много клиентов\n", "слишком много клиентов"),
        (f"{TO}: 致命错误:  数据库系统启动中\n", "数据库系统启动中"),
        (
            "FATAL:  the database system is starting up\nDETAIL:  x\n",
            "the database system is starting up DETAIL: x",
        ),
        (
            f"connection to server at ::1 failed: Connection refused\n\tIs it there?\n{TO}: "
            "FATAL:  no\n",
            "no",
        ),
        (
            f"{TO}: Connection refused\n\tIs the server running on that host and accepting "
            "TCP/IP connections?\n",
            "",
        ),
        (
            f"{TO}: server closed the connection unexpectedly\n\tThis probably means the server "
            "terminated\n",
            "",
        ),
        ('could not translate host name "db0" to address: Name or service not known\n', ""),
        (f"{TO}: SSL error: certificate verify failed\n", ""),
        ("", ""),
    ],
)
def test_a_refusal_is_an_answer_in_any_language(words: str, answer: str) -> None:
    assert _fatal(psycopg2.OperationalError(words)) == answer


def test_a_connection_that_is_given_up_is_closed() -> None:
    """Else a server that wakes waits for its password, with a snapshot: a switchover right after
    was refused for "a transaction that has been open for 26.6 s".
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = {"host": "127.0.0.1", "port": port, "user": "me", "dbname": "shop"}
        with pytest.raises(Unreachable, match="gave no answer within") as given_up:
            connection_to("db0", settings, 0.2)
        client, _ = silent.accept()
        with client:
            client.settimeout(10)
            while client.recv(4096):
                pass
    assert given_up.value, "it is kept, with whatever it holds"


def test_a_server_of_9_0_is_asked_again_whatever_its_language() -> None:
    """It takes no `local`, and names the setting in quotes of its own: none of a German pair was
    seen.
    """
    refusal = "SFATAL\0C22023\0MParameter »synchronous_commit« erfordert einen Boole'schen Wert\0\0"
    answer = refusal.encode()
    asked = list[bytes]()

    def refuse(server: socket.socket) -> None:
        while len(asked) < 2:
            client, _ = server.accept()
            with client:
                asked.append(client.recv(4096))
                client.sendall(b"E" + (len(answer) + 4).to_bytes(4, "big") + answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        refusing = Thread(target=refuse, args=(server,))
        refusing.start()
        settings = {
            "host": "127.0.0.1",
            "port": server.getsockname()[1],
            "user": "me",
            "sslmode": "disable",
            "options": "-c synchronous_commit=local",
        }
        with pytest.raises(Unreachable):
            connection_to("db0", settings, 5)
        refusing.join()
    assert [b"synchronous_commit" in packet for packet in asked] == [True, False]
