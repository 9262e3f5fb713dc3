"""Answers as they should be: what nodes, files and libraries say on a good day."""

from __future__ import annotations

import json

from pgha_helpers.clients.ini import HEADER

SEGMENT = 16 * 1024 * 1024
CONTROL = """Database system identifier:           7711
Database cluster state:               in production
Latest checkpoint location:           0/3000060
Latest checkpoint's REDO location:    0/3000028
Latest checkpoint's TimeLineID:       2
Minimum recovery ending location:     0/0
Bytes per WAL segment:                16777216"""
DISK = f"""clock 1795376791.250
programs 18
process 4711
process 4712
halted 4712
recovering 000000020000000000000003
free 100 4096
free 200 4096
standby standby.signal
dated global/pg_control 2026-11-29 20:01:23.409942462 +0000 2026-11-29 20:01:23.409942462 +0000
control
{CONTROL}
end
history 00000002
1\t0/3000148\tno recovery target specified
end
recovery
primary_conninfo = 'host=db0 port=5432'
recovery_min_apply_delay = 5min
end"""
HOST = (
    "oldest 2.5\nwaiting 3\nsegment 0.4\nmanager ours repmgrd (pid 7)\nrefused pg_ctl\nfornow "
    "{}\nunarchived x"
)
COPYING = (
    "data /d/main\ndevice 7\nfree 2 4096\nwal /w\ndevice 8\nfree 3 4096\ntablespace "
    "/t\ndevice 9\nfree 4 512\n"
)
COPYING += "half 4 7 /d/main.clone-00c0ffee\nbegun /d/main.swap-1\nobstacle x"
REACH = (
    "db0 sql pg_isready 2 h:1 - no response\ndb0 tcp nc 1 Connection refused\ndb1 sql none 3 "
    "there is none"
)
PAGES = "000000010000000000000003 3002000\n000000010000000000000004 4000000"
WAL = """rmgr: Heap        len (rec/tot):     59/    59, tx:        750, lsn: 0/03000148, \
prev 0/03000110, desc: INSERT off: 1, blkref #0: rel 1663/5/16384 blk 0
rmgr: Standby     len (rec/tot):     50/    50, tx:          0, lsn: 0/03000180, \
prev 0/03000148, desc: RUNNING_XACTS nextXid 751 latestCompletedXid 749 oldestRunningXid 750
rmgr: Transaction len (rec/tot):     34/    34, tx:        750, lsn: 0/030001B8, \
prev 0/03000180, desc: COMMIT 2026-11-29 20:01:23.409942 UTC; subxacts: 751; rels: base/5/16384
pg_waldump: error: error in WAL record at 0/30001B8: invalid record length"""
INI = f'{HEADER}\napp = host=db0 port=5432 dbname=\'a b\'\n"odd ""x" = host=db1 port=1'
LOG = (
    '2026 UTC [7] LOG:  starting PostgreSQL 18\nFATAL:  could not open file "x": Permission '
    "denied\nDETAIL:  y"
)
SEEN = json.dumps({"seq": 1, "began": 1.0, "sent": 1.0, "done": 1.1, "code": "ok", "said": ""})
PAIR = """nodes:
  db0: {host: a, data_directory: /d, bin_directory: /b}
  db1: {host: b, data_directory: /d, bin_directory: /b, ssh: {host: b}}
limits: {lag: 16MB}"""
JOURNAL = '{"n": 0, "at": "2026-11-29T20:01:23.409Z", "event": "run begun", "prev": ""}'
PIN = """db0 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVl x
|1|c2FsdA==|aGFzaA== ssh-rsa A"""
NAMES = "000000010000000000000001\n00000002.history\n000000010000000000000002"
RSYNC = "1,238,099 100%  146.38kB/s    0:00:08  (xfr#5, to-chk=169/396)\nLiteral data: 8,192 bytes"
