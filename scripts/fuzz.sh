#!/usr/bin/env bash
# Runs every fuzz target for some seconds on its seed corpus: scripts/fuzz.sh BUILD_DIR SECONDS
set -euo pipefail
build=$1
seconds=$2
root=$(cd "$(dirname "$0")/.." && pwd)
for target in "$build"/fuzz/*_fuzz; do
  name=$(basename "$target" _fuzz)
  work=$(mktemp -d)
  corpus="$root/fuzz/corpus/$name"
  [ -d "$corpus" ] || corpus=""
  "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$work/" \
    "$work" ${corpus:+"$corpus"} >"$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
  echo "$name: $(grep -o 'Done [0-9]* runs' "$work/log" || echo done), nothing found"
  rm -rf "$work"
done
