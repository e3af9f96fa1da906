#!/usr/bin/env python3
"""Writes src/train/testdata/optimizer_golden.json: parameters after each of several steps of torch's
AdamW and SGD, in double.

Needs torch. Run from anywhere; the output does not change from run to run.
"""
import json
import pathlib

import torch

COUNT = 11
STEPS = 6


def short_decimals(values):
    """Values that a short decimal holds, so that both sides read the same numbers."""
    return (values * 1024).round() / 1024


def make_case(name, kind, learning_rates, gradient_scale, options):
    parameter = short_decimals(torch.randn(COUNT, dtype=torch.float64)).requires_grad_(True)
    start = parameter.detach().tolist()
    make = torch.optim.AdamW if kind == "adamw" else torch.optim.SGD
    optimizer = make([parameter], lr=1.0, **options)
    gradients, after = [], []
    for learning_rate in learning_rates:
        gradient = short_decimals(torch.randn(COUNT, dtype=torch.float64))
        gradients.append(gradient.tolist())
        optimizer.param_groups[0]["lr"] = learning_rate
        parameter.grad = gradient * gradient_scale
        optimizer.step()
        after.append([float(f"{x:.9g}") for x in parameter.detach().tolist()])
    betas = options.get("betas", (0.0, 0.0))
    return {
        "name": name, "kind": kind, "beta1": betas[0], "beta2": betas[1],
        "epsilon": options.get("eps", 0.0), "momentum": options.get("momentum", 0.0),
        "weight_decay": options["weight_decay"], "gradient_scale": gradient_scale,
        "learning_rates": learning_rates, "start": start, "gradients": gradients,
        "after": after,
    }


def main():
    torch.manual_seed(21)
    constant = [0.01] * STEPS
    changing = [0.0, 0.01, 0.03, 0.02, 0.01, 0.005]
    adamw = {"betas": (0.9, 0.98), "eps": 1e-8}
    cases = [
        make_case("AdamW", "adamw", constant, 1.0, {**adamw, "weight_decay": 0.01}),
        make_case("AdamW without decay", "adamw", constant, 1.0, {**adamw, "weight_decay": 0.0}),
        make_case("AdamW, clipped, other options", "adamw", changing, 0.25,
                  {"betas": (0.8, 0.999), "eps": 1e-3, "weight_decay": 0.5}),
        make_case("SGD with momentum", "sgd", constant, 1.0,
                  {"momentum": 0.9, "weight_decay": 0.01}),
        make_case("SGD, clipped, without decay", "sgd", changing, 0.25,
                  {"momentum": 0.5, "weight_decay": 0.0}),
        make_case("SGD without momentum", "sgd", constant, 1.0,
                  {"momentum": 0.0, "weight_decay": 0.1}),
    ]
    path = pathlib.Path(__file__).resolve().parent.parent / "src/train/testdata/optimizer_golden.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
