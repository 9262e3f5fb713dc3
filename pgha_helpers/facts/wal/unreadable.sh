# What pg_rewind cannot read over SQL: it would end half-way. $1 the primary's data directory.
cd "$1" && find . pg_wal/ pg_tblspc/*/ ! -type l \
  \( ! -readable -o \( -type d ! -executable \) -o \( ! -type f ! -type d \) \) \
  -printf '%p\n' 2>/dev/null |
  sed 's:^\./::' | sort -u | head -n 50
