#!/usr/bin/env python3
"""Writes the weights of a PyTorch checkpoint (pytorch_model.bin, *.ckpt) as model.safetensors.

    scripts/checkpoint_to_safetensors.py FOLDER/pytorch_model.bin FOLDER/model.safetensors

A checkpoint is a pickle, which can run whatever code its author put into it. mobileasr never reads one, and this
script lets torch's restricted unpickler do it, which takes tensors and plain containers and nothing else
(weights_only, since torch 1.13); a file that needs more is refused. Names and data types are kept; tensors that are
not numbers are left out and named. Needs torch.
"""
import json
import struct
import sys

import torch

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
         torch.bool: "BOOL"}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    state = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    header, tensors, end = {}, [], 0
    for name, value in state.items():
        if not isinstance(value, torch.Tensor) or value.dtype not in TYPES:
            print(f"left out: {name}", file=sys.stderr)
            continue
        value = value.detach().contiguous()
        size = value.numel() * value.element_size()
        header[name] = {"dtype": TYPES[value.dtype], "shape": list(value.shape), "data_offsets": [end, end + size]}
        end += size
        tensors.append(value)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(sys.argv[2], "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors:
            # As bytes, whatever the type: numpy knows no bfloat16.
            file.write(value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    print(f"{sys.argv[2]}: {len(tensors)} tensors, {end / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
