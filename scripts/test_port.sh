#!/usr/bin/env bash
# Builds for another kind of machine and runs the tests of tensors, kernels, CTC, layers, models, files, trainer and
# checkpoints there, emulated; then holds losses against this machine's build: scripts/test_port.sh arm64|wasm
# Needs build/release/tests/six_functions_engine of this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
port=$1
left_out=""
case $port in
  arm64) run=(qemu-aarch64) suffix="" ;;
  wasm)
    run=(node --no-experimental-fetch) suffix=.js
    # What Emscripten's file system does not have: locks, pipes, limits of size, mappings that are given back.
    left_out="FileLock.*:FileTest.WritersOfOnePathTakeTurns:FileTest.ReadingNamesTheFileAndTheReason"
    left_out+=":FileTest.ReleasedPartsOfAMappingAreNoLongerHeldAndCanBeReadAgain"
    left_out+=":ScratchFile.NoMoreSpaceIsAnOrdinaryError:PrefixCacheTest.AFullDiskCostsTimeAndNothingElse"
    # FLAC and Opus, which libsndfile has from others.
    left_out+=":Augmentation.EachEffectHappensAsOftenAsAskedAndIsNoted:Augmentation.DrawsStayWithinTheirLimits"
    left_out+=":BatchLoaderTest.ShardsGiveTheSameBatches"
    ;;
  *)
    echo "usage: $0 arm64|wasm" >&2
    exit 2
    ;;
esac
folders="base tensor io kernels ctc layers model train"

scripts/cross_dependencies.sh "$port"
cmake --preset "$port" >/dev/null
targets=(six_functions_engine)
for folder in $folders; do targets+=("masr_${folder}_test"); done
cmake --build --preset "$port" -j "$(nproc)" --target "${targets[@]}" -- --quiet
for folder in $folders; do
  printf '%s: ' "$folder"
  "${run[@]}" "build/$port/src/$folder/masr_${folder}_test$suffix" --gtest_brief=1 "--gtest_filter=-$left_out" |
    tail -1
done
tests/same_losses.py build/release/tests/six_functions_engine "${run[@]}" "build/$port/tests/six_functions_engine$suffix"
