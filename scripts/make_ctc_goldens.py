#!/usr/bin/env python3
"""Writes src/ctc/testdata/ctc_golden.json: CTC losses and gradients computed by torch, in double.

Needs torch. Run from anywhere; the output does not change from run to run.
"""
import json
import pathlib

import torch


def make_case(name, tokens, blank, frames, targets, size):
    rows = sum(frames)
    # Logits are rounded to what a short decimal holds, so that both sides read the same numbers.
    logits = (torch.randn(rows, tokens, dtype=torch.float64) * size * 1024).round() / 1024
    logits.requires_grad_(True)
    losses = []
    for first, count, target in zip([sum(frames[:u]) for u in range(len(frames))], frames, targets):
        log_probabilities = torch.log_softmax(logits[first:first + count], dim=1)
        losses.append(torch.nn.functional.ctc_loss(
            log_probabilities.unsqueeze(1), torch.tensor([target], dtype=torch.long),
            [count], [len(target)], blank=blank, reduction="sum"))
    sum(losses).backward()
    return {
        "name": name, "tokens": tokens, "blank": blank, "frames": frames, "targets": targets,
        "logits": logits.detach().flatten().tolist(),
        "losses": [float(f"{loss.item():.9g}") for loss in losses],
        "gradient": [float(f"{g:.7g}") for g in logits.grad.flatten().tolist()],
    }


def main():
    torch.manual_seed(20)
    cases = [
        make_case("one label in one frame", 3, 0, [1], [[2]], 1.0),
        make_case("no labels", 4, 0, [6], [[]], 1.0),
        make_case("repeats in as few frames as possible", 4, 0, [8], [[1, 1, 1, 2, 2]], 2.0),
        make_case("the last token is the blank", 5, 4, [12], [[0, 3, 3, 1]], 2.0),
        make_case("a batch", 8, 0, [20, 5, 11], [[1, 2, 3, 4, 5, 5, 6, 7], [7], [2, 2, 1]], 3.0),
        make_case("many frames", 29, 0, [60], [[3, 1, 20, 8, 8, 5, 1, 28, 15, 15, 15, 2]], 1.0),
        make_case("peaky", 6, 0, [15], [[1, 5, 5, 2]], 40.0),
    ]
    path = pathlib.Path(__file__).resolve().parent.parent / "src/ctc/testdata/ctc_golden.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
