#!/usr/bin/env bash
# Writes the reference of the C and C++ headers with Doxygen, and fails on every public name that is not documented:
#   scripts/api_reference.sh OUT_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
command -v doxygen >/dev/null || { echo "doxygen is missing: scripts/install_dependencies.sh docs"; exit 77; }
mkdir -p "$1"
MASR_API_OUT=$(cd "$1" && pwd)
export MASR_API_OUT
doxygen docs/Doxyfile
# What Doxygen lets pass: a function that no page has.
missing=0
for name in $(grep -ohE '\bmasr_[a-z_]+\(' include/mobileasr/mobileasr.h | tr -d '(' | sort -u); do
  grep -qE "<name>$name</name>" "$MASR_API_OUT"/xml/*.xml || { echo "no documentation of $name"; missing=1; }
done
exit $missing
