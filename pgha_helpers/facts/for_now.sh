# include expanded.sh
# The settings that are changed for now. $1 state directory.
for file in "$(expanded "$1")"/for-now-*; do [ ! -f "$file" ] || cat -- "$file"; done; :
