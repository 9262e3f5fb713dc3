# include expanded.sh
# The notes of one system, or of all. $1 state directory, $2 system identifier or "*".
for file in "$(expanded "$1")"/chain-$2; do
    test -e "$file" && echo "# ${file##*/}" && cat -- "$file" && echo
done; :
