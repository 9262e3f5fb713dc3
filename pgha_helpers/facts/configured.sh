# A line for each path: `file` or `folder` with its content, or `none`. Of a folder what include_dir takes from it.
for path; do
  if [ -d "$path" ]; then
    printf 'folder %s\n' "$(cd "$path" && ls -1 | grep '\.conf$' | LC_ALL=C sort | base64 -w 0)"
  elif [ -f "$path" ]; then printf 'file %s\n' "$(base64 -w 0 < "$path")"
  else echo none; fi
done 2>/dev/null
