#!/usr/bin/env bash
# Trains the recognisers of assets/ from nothing: synthesises clear speech, then follows configs/base.json and
# configs/tiny.json, or a CONFIG of one's own.
# Stopped at any time, it goes on where it was when run again.
#   scripts/train_base.sh MOBILEASR DATA WORK [CONFIG]
# DATA holds speechocean762/, wuw-corpus-ii/, esc10/ and text/sentences.txt; WORK takes a few GB. Needs npm, which has
# some of the books that synthetic voices read.
set -euo pipefail
mobileasr=$1
data=$2
work=$3
here=$(cd "$(dirname "$0")" && pwd)
config=${4:-$here/../configs/base.json}
"$here/install_dependencies.sh" voices text
mkdir -p "$work"

# Never a sentence that somebody is tested on, nor one of the prompts that a test voice reads.
exclude=()
for manifest in "$data"/*/personal_*.jsonl "$data"/wuw-corpus-ii/base_dev.jsonl; do
  exclude+=(--exclude "$manifest")
done
synthesize() {
  "$here/synthesize_speech.py" --sentences "$2" --out "$work/synthetic$1" --seed "$1" --count 16000 \
    --jobs "$(nproc)" "${exclude[@]}"
}
synthesize 1 "$data/text/sentences.txt"
synthesize 2 "$data/text/sentences.txt"

# The third time other words: short sentences of the language model's text.
[ -f "$work/text.txt" ] || "$here/make_language_model_text.py" --sentences "$data/text/sentences.txt" \
  --out "$work/text.txt" --cache "$work" "${exclude[@]}"
python3 - "$work/text.txt" >"$work/more_sentences.txt" <<'PYTHON'
import random
import sys
lines = [line.strip() for line in open(sys.argv[1], encoding="utf-8")]
short = [line for line in lines if 3 <= len(line.split()) <= 16]
random.Random(7).shuffle(short)
print("\n".join(short[:40000]))
PYTHON
synthesize 3 "$work/more_sentences.txt"

# CTC finds its alignment soonest on one clear voice: the first stage of the recipe.
grep '"flite:slt"' "$work/synthetic1/manifest.jsonl" >"$work/synthetic1/one_voice.jsonl"

train() { # configuration, where its weights begin, further options
  local config=$1 begin=$2
  shift 2
  # The recipe counts these manifests from 1.
  "$mobileasr" pretrain --config "$config" --cache 8GB "$@" \
    --train "$work/synthetic1/manifest.jsonl" \
    --train "$work/synthetic2/manifest.jsonl" \
    --train "$data/speechocean762/base_train.jsonl" \
    --train "$data/wuw-corpus-ii/base_train.jsonl" \
    --train "$work/synthetic1/one_voice.jsonl" \
    --train "$work/synthetic3/manifest.jsonl" \
    --dev "$data/wuw-corpus-ii/base_dev.jsonl" \
    --noise "$data/esc10/noise.jsonl" \
    --metadata "provenance=Trained by MobileASR from $begin, by configs/$(basename "$config")" \
    --metadata "data.speechocean762=base_train; free for commercial and non-commercial purposes; Zhang et al. 2021" \
    --metadata "data.wuw-corpus-ii=base_train; CC BY-SA 4.0; wake-up-word/wuw-corpus-ii" \
    --metadata "data.esc10=noise; CC BY 3.0; karolpiczak/ESC-10" \
    --metadata "data.synthetic=flite kal kal16 rms slt, espeak-ng, festival kal ked slt reading public-domain texts and WordNet's examples" \
    --out "$work/$(basename "$config" .json).masr" --resume
}

train "$config" "random weights"
# The tiny one begins with every second of the base's blocks.
if [ "$config" = "$here/../configs/base.json" ]; then
  train "$here/../configs/tiny.json" "blocks of base.masr" --init "$work/base.masr" --init-blocks 0,1,3,5,8,10,12
fi
