# sha256: the digest of stdin in hexadecimal, then words. Where the processor knows SHA, openssl takes 20 ms for 16 MB
# and coreutils 60: an outage waits for the one, and a rebuild for the other, of what may be gigabytes of WAL.
sha256() {
  if command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r; else sha256sum; fi
}
