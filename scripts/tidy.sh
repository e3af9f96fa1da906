#!/usr/bin/env bash
# clang-tidy over the library and the command, two files at a time: scripts/tidy.sh BUILD_DIR
set -euo pipefail
git ls-files 'src/*.cc' 'apps/*.cc' | grep -v -e _test.cc -e _bench.cc -e /reference/ |
  xargs -P "$(nproc)" -n 4 clang-tidy -p "$1" --quiet 2>/dev/null
