# Where a node's own things lie: in its data directory; after a rewind that did not end, in what was saved before it.
data=$(readlink -m -- "$1")
if [ -e "$data/PG_VERSION" ]; then printf '%s\n' "$data"; exit 0; fi
for half in "$data".rewinding-* "$data".half-rewound.aside-*; do [ ! -d "$half" ] || saved=yes; done
[ -z "$saved" ] || ls -d -- "$data".before-rewind.aside-*/own | tail -n 1
