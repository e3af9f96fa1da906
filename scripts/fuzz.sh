#!/usr/bin/env bash
# Runs every fuzz target for some seconds on its seed corpus: scripts/fuzz.sh BUILD_DIR SECONDS
# The seeds of audio_fuzz are made here: no audio lies in the repository.
set -euo pipefail
build=$1
seconds=$2
root=$(cd "$(dirname "$0")/.." && pwd)
for target in "$build"/fuzz/*_fuzz; do
  name=$(basename "$target" _fuzz)
  work=$(mktemp -d)
  mkdir "$work/found" "$work/seeds"
  if [ "$name" = audio ]; then
    "$root/scripts/make_audio_seeds.py" "$work/seeds"
  else
    cp "$root/fuzz/corpus/$name"/* "$work/seeds"
  fi
  dictionary="$root/fuzz/$name.dict"
  "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$work/" \
    $([ -f "$dictionary" ] && echo "-dict=$dictionary") "$work/found" "$work/seeds" \
    >"$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
  echo "$name: $(grep -o 'Done [0-9]* runs' "$work/log" || echo done), nothing found"
  rm -rf "$work"
done
