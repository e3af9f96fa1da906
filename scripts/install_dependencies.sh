#!/usr/bin/env bash
# Installs what a group of tasks needs, if it is not there yet: Debian's packages; and npm's, into build/npm.
#   scripts/install_dependencies.sh build [test] [docs] [python] [java] [mpi] [lint] [onnx] [voices] [text] [peer] [bench]
#       [goldens]
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build libhwy-dev libexpected-dev libsndfile1-dev libsoxr-dev libkissfft-dev libsoundtouch-dev
           nlohmann-json3-dev libcli11-dev libprotozero-dev libyaml-cpp-dev"
  [test]="libgtest-dev python3 pkg-config"
  [docs]="doxygen"
  [python]="pybind11-dev python3-dev python3-numpy python3-pip python3-setuptools python3-wheel"
  [java]="default-jdk-headless"
  [mpi]="libopenmpi-dev openmpi-bin"
  [lint]="clang clang-format clang-tidy"
  [onnx]="python3-onnx"
  [voices]="flite espeak-ng festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts sox wamerican python3"
  [text]="wordnet-base python3"
  [peer]="pocketsphinx pocketsphinx-en-us sndfile-programs sox python3"
  [bench]="libbenchmark-dev libtorch-dev libopenblas0-openmp libopenblas-dev libdnnl-dev python3"
  [goldens]="python3-torch python3-torchaudio python3-numpy python3-yaml python3-sentencepiece"
)

declare -A npm_groups=([onnx]="onnxruntime-web@1.20.1")

missing=()
npm_missing=()
here=$(cd "$(dirname "$0")/.." && pwd)
for group in "$@"; do
  for package in ${groups[$group]}; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  for package in ${npm_groups[$group]:-}; do
    [ -d "$here/build/npm/node_modules/${package%@*}" ] || npm_missing+=("$package")
  done
done
# Node may have come from elsewhere, with its npm.
[ ${#npm_missing[@]} -eq 0 ] || command -v npm >/dev/null || missing+=(nodejs npm)

if [ ${#missing[@]} -gt 0 ]; then
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  echo "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if [ ${#npm_missing[@]} -gt 0 ]; then
  echo "installing into build/npm: ${npm_missing[*]}"
  mkdir -p "$here/build/npm"
  npm install --prefix "$here/build/npm" --no-audit --no-fund --ignore-scripts --loglevel=error "${npm_missing[@]}" >/dev/null
fi
