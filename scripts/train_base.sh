#!/usr/bin/env bash
# Trains the base recogniser of assets/ from nothing: synthesises clear speech, then follows configs/base.json.
# Stopped at any time, it goes on where it was when run again.
#   scripts/train_base.sh MOBILEASR DATA WORK
# DATA holds speechocean762/, wuw-corpus-ii/, esc10/ and text/sentences.txt; WORK takes a few GB.
set -euo pipefail
mobileasr=$1
data=$2
work=$3
here=$(cd "$(dirname "$0")" && pwd)
"$here/install_dependencies.sh" voices

# Never a sentence that somebody is tested on, nor one of the prompts that a test voice reads.
exclude=()
for manifest in "$data"/*/personal_*.jsonl "$data"/wuw-corpus-ii/base_dev.jsonl; do
  exclude+=(--exclude "$manifest")
done
for seed in 1 2; do
  "$here/synthesize_speech.py" --sentences "$data/text/sentences.txt" --out "$work/synthetic$seed" \
    --seed $seed --count 16000 --jobs "$(nproc)" "${exclude[@]}"
done

# CTC finds its alignment soonest on one clear voice: the first stage of the recipe.
grep '"flite:slt"' "$work/synthetic1/manifest.jsonl" >"$work/synthetic1/one_voice.jsonl"

# The recipe counts these from 1.
"$mobileasr" pretrain --config "$here/../configs/base.json" --cache 8GB \
  --train "$work/synthetic1/manifest.jsonl" \
  --train "$work/synthetic2/manifest.jsonl" \
  --train "$data/speechocean762/base_train.jsonl" \
  --train "$data/wuw-corpus-ii/base_train.jsonl" \
  --train "$work/synthetic1/one_voice.jsonl" \
  --dev "$data/wuw-corpus-ii/base_dev.jsonl" \
  --noise "$data/esc10/noise.jsonl" \
  --metadata "provenance=Trained by MobileASR from random weights, by configs/base.json" \
  --metadata "data.speechocean762=base_train; free for commercial and non-commercial purposes; Zhang et al. 2021" \
  --metadata "data.wuw-corpus-ii=base_train; CC BY-SA 4.0; wake-up-word/wuw-corpus-ii" \
  --metadata "data.esc10=noise; CC BY 3.0; karolpiczak/ESC-10" \
  --metadata "data.synthetic=flite kal kal16 rms slt, espeak-ng, festival kal ked slt reading public-domain LJSpeech texts" \
  --out "$work/base.masr" --resume
