"""How to check a record with nothing but `sha256sum`, `sed` and `ssh-keygen`.

The words that every report ends with.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ...model import Pair
from ..making.numbering import own_sequence

_FILES = r"""cd {folder}
# 1. Every file is as it was when the record was completed. Each line must say OK.
sed -n '/"files": {{/,/}}/ s/^ *"\(.*\)": "\([0-9a-f]*\)",\{{0,1\}}$/\2  \1/p' manifest.json |
  sha256sum -c -

# 2. Nothing was added. No name may stand here twice or alone, but for manifest.json and
#    manifest.json.sig (and, of a notebook that was attached later, attached.json and its signature,
#    which are checked in the same way).
ls -A; sed -n '/"files": {{/,/}}/ s/^ *"\(.*\)": .*$/\1/p' manifest.json

# 3. The journal is one chain: the digest of each line without its end is the "prev" of the next
#    one.
n=0; prev=""
while IFS= read -r line; do
  n=$((n+1)); case "$line" in *"\"prev\": \"$prev\"}}") ;; *) echo "line $n: BROKEN";; esac
  prev=$(printf %s "$line" | sha256sum | cut -d' ' -f1)
done < journal.jsonl; echo "$n lines, the last one is $prev"
grep '"journal_ends"' manifest.json   # must name the same digest
"""
_SIGNED = """
# 4. The manifest is the one that was signed, and by whom.
ssh-keygen -Y check-novalidate -n pgha -s manifest.json.sig < manifest.json
# (If the key is no longer valid: -O verify-time=YYYYMMDDHHMMSSZ, the time of completion in the
# manifest.)
ssh-keygen -Y find-principals -s manifest.json.sig -f ALLOWED_SIGNERS
ssh-keygen -Y verify -n pgha -f ALLOWED_SIGNERS -I WHO -s manifest.json.sig < manifest.json
"""
_UNSIGNED = """
# 4. This record is not signed. Whoever can write here could have made it anew, but for what the
#    nodes have noted.
"""
_CHAIN = r"""
# 5. If the manifest has a number, the record with the next number names this run and its digests
#    under "previous", and both nodes have noted them, in the chain- file of their state_directory
#    (~/.pgha of PostgreSQL's user): what is "ended" is the digest of the last line of the journal,
#    what is "sealed" that of the manifest:
sha256sum manifest.json

# 6. The sequence of all records beside this one tells when it was begun and sealed, with the digest
#    of its manifest. Each line is the "prev" of the next one; a signature stands behind its brace.
n=0; prev=""
while IFS= read -r line; do
  text=$line; sig=
  case "$line" in *"}}") ;; *) text="${{line%"}} "*}}}}"; sig=${{line##*"}} "}};; esac
  case "$text" in *"\"prev\": \"$prev\"}}") ;; *) echo "line $n of the sequence: BROKEN";; esac
  prev=$(printf %s "$text" | sha256sum | cut -d' ' -f1)
  case "$text" in *'"record": "'{record}'"'*) echo "$text"; is=$n; digest=$prev; of=$sig;; esac
  n=$((n+1))
done < ../{sequence}
# Its signature, if it has one, is of two lines: its number, with pair and machine, and its digest.
sig=$(mktemp); {{ echo "-----BEGIN SSH SIGNATURE-----"; printf '%s\n' "$of" | fold -w 70
  echo "-----END SSH SIGNATURE-----"; }} > "$sig"
printf '%s of %s on %s\n%s\n' "$is" {pair} {host} "$digest" |
  ssh-keygen -Y check-novalidate -n pgha -s "$sig"; rm "$sig"
"""


def words(folder: Path, pair: Pair) -> str:
    """The commands, to be typed in any POSIX shell."""
    files = _FILES.format(folder=shlex.quote(folder.name))
    own = own_sequence(pair)
    chain = _CHAIN.format(
        record=folder.name,
        sequence=shlex.quote(own.path.name),
        pair=shlex.quote(own.pair),
        host=shlex.quote(own.host),
    )
    return files + (_SIGNED if pair.signing_key else _UNSIGNED) + chain
