#!/usr/bin/env bash
# Makes the English language model of assets/: gathers public-domain text, estimates a 3-gram, prunes, quantises.
#   scripts/train_language_model.sh MOBILEASR DATA WORK
# DATA holds text/sentences.txt and, beside it, the corpora whose training transcripts give the frequencies of words
# (of words alone, not of their sequences) a tenth of the say, and whose test sentences are left out of the text.
# Needs npm, which has the books.
set -euo pipefail
mobileasr=$1
data=$2
work=$3
here=$(cd "$(dirname "$0")" && pwd)
"$here/install_dependencies.sh" text
mkdir -p "$work"

exclude=()
for manifest in "$data"/*/personal_*.jsonl "$data"/wuw-corpus-ii/base_dev.jsonl; do
  exclude+=(--exclude "$manifest")
done
"$here/make_language_model_text.py" --sentences "$data/text/sentences.txt" --out "$work/text.txt" --cache "$work" \
  "${exclude[@]}"
cat "$data"/*/base_train.jsonl | python3 -c '
import collections, json, sys
counts = collections.Counter(word for line in sys.stdin for word in json.loads(line)["text"].split())
for word, count in sorted(counts.items()):
    print(word, count)' >"$work/words.txt"

"$mobileasr" lm train --text "$work/text.txt" --order 3 --min-count 2 --words "$work/words.txt" --words-share 0.1 \
  --prune 5e-7 --out "$work/en.lm" \
  --metadata "provenance=scripts/train_language_model.sh" \
  --metadata "text=LJSpeech texts, State of the Union addresses, Sherlock Holmes, War and Peace, History of the United States, Moby Dick (public domain); example sentences of WordNet 3.0 (Princeton University, WordNet licence)" \
  --metadata "word frequencies=speechocean762 base_train (free for any purpose), WUW corpus II base_train (CC BY-SA 4.0)"
