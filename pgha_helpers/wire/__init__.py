"""The doors to the world: ssh, the shell of a node, SQL, and the lock that both nodes hold.

`ssh.py` alone imports paramiko, `sql.py` alone psycopg2: tests/house holds this, and the floors of
all rooms. The `.sh` files are shell functions that scripts of every room share, by `scripts.py`.
May import `model`. A new way to reach a node is a module in here; what is asked through it belongs
into `facts`.
"""
