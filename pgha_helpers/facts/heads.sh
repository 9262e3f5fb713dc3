# include expanded.sh
# The newest lines of sequences that a node holds. $1 state directory.
for file in "$(expanded "$1")"/head-*@*; do test -e "$file" && cat -- "$file" && echo; done; :
