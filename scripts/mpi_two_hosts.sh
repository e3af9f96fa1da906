#!/usr/bin/env bash
# Pretrains the base model's recipe over two "hosts", network namespaces of this machine that see each other only through
# a virtual cable, with Open MPI over TCP, and compares seconds per update with one process's.
#   sudo scripts/mpi_two_hosts.sh build/release/apps/cli/mobileasr [RATE]
# RATE limits the cable, e.g. 1gbit or 100mbit. Needs iproute2, openmpi-bin, python3. The speech is made of tones: speed
# does not depend on what is said. Each process has one thread, so that two of them are two cores on either side.
set -euo pipefail

if [ "${1:-}" = "--agent" ]; then
  # mpirun's way to the other host, in place of ssh: HOST COMMAND...
  shift 2
  exec ip netns exec masr-b unshare --uts sh -c "hostname masr-b; $*"
fi

mobileasr=$(realpath "$1")
rate=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
clean() {
  ip netns del masr-a 2>/dev/null || true
  ip netns del masr-b 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT

ip netns add masr-a
ip netns add masr-b
ip link add masr-va netns masr-a type veth peer name masr-vb netns masr-b
for side in a b; do
  ip -n masr-$side link set lo up
  ip -n masr-$side addr add 10.77.0.$([ $side = a ] && echo 1 || echo 2)/24 dev masr-v$side
  ip -n masr-$side link set masr-v$side up
  [ -z "$rate" ] || tc -n masr-$side qdisc add dev masr-v$side root tbf rate "$rate" burst 256kb latency 50ms
done

PYTHONPATH="$here/../tests" python3 - "$work" "$here/../configs/base.json" <<'PYTHON'
import json, pathlib, random, sys
from tones import speak, write_manifest, write_wav
work = pathlib.Path(sys.argv[1])
recipe = json.load(open(sys.argv[2]))
recipe["training"].update({"batch_seconds": 48, "micro_batch_seconds": 12})
recipe["training"]["stages"] = [{"name": "tones", "epochs": 1, "schedule": "constant", "learning_rate": 1e-4}]
(work / "recipe.json").write_text(json.dumps(recipe))
rng = random.Random(1)
items = []
for i in range(192):
    text = "".join(rng.choices("abcd", k=13))  # 3.9 s, three to a micro-batch
    if i < 16:
        write_wav(work / f"{i}.wav", speak(text, seed=i))
        spoken = text
    items.append((work / f"{i % 16}.wav", items[i % 16][1] if i >= 16 else spoken))
write_manifest(work / "train.jsonl", items)
write_manifest(work / "dev.jsonl", items[:2])
PYTHON

pretrain() { # NAME THREADS: what follows the launcher
  echo "$mobileasr pretrain --config $work/recipe.json --train $work/train.jsonl --dev $work/dev.jsonl
        --out $work/$1.masr --log $work/$1.log --threads $2 --cache 1GB"
}
printf '10.77.0.1 slots=1\n10.77.0.2 slots=1\n' >"$work/hosts"
over_two_hosts() {
  # shellcheck disable=SC2046
  ip netns exec masr-a unshare --uts sh -c "hostname masr-a; exec \"\$@\"" sh \
    mpirun $([ "$(id -u)" -ne 0 ] || echo --allow-run-as-root) --bind-to none --hostfile "$work/hosts" -n 2 \
    --mca plm_rsh_agent "$(realpath "$0") --agent" --mca btl self,tcp --mca btl_tcp_if_include 10.77.0.0/24 \
    --mca oob_tcp_if_include 10.77.0.0/24 $(pretrain two 1)
}

# In turns, so that other work on the machine meets all alike.
for _ in 1 2 3; do
  $(pretrain one 1) >/dev/null 2>&1
  cat "$work/one.log" >>"$work/one.all"
  $(pretrain threads 2) >/dev/null 2>&1
  cat "$work/threads.log" >>"$work/threads.all"
  over_two_hosts >/dev/null 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }
  cat "$work/two.log" >>"$work/two.all"
done

python3 - "$work" "${rate:-unlimited}" <<'PYTHON'
import json, pathlib, statistics, sys
work = pathlib.Path(sys.argv[1])
logs = {name: [json.loads(line) for line in (work / f"{name}.all").read_text().splitlines()]
        for name in ("one", "threads", "two")}
seconds = {name: sorted(l["seconds"] for l in lines if l["step"] > 2) for name, lines in logs.items()}
print(f"cable: {sys.argv[2]}; seconds per update, median (fastest) of {len(seconds['one'])}")
for name, what in (("one", "one process, one thread"), ("threads", "one process, two threads"),
                   ("two", "two hosts, one thread each")):
    print(f"  {what:28} {statistics.median(seconds[name]):.3f} ({seconds[name][0]:.3f})")
worst = max(abs(a["loss"] / b["loss"] - 1) for a, b in zip(logs["two"], logs["one"]))
print(f"  largest difference of an update's loss from one process's: {worst:.1e}, relative")
PYTHON
