#!/usr/bin/env python3
"""Writes src/model/testdata/: tiny models, and what torch makes of them.

For each model two files: <name>.safetensors, a model file in our format with random weights, and
<name>.golden.safetensors with

    features.<u>, targets.<u>, logits.<u>   of two utterances, each computed alone
    gradient.<parameter>                    of the CTC losses' sum over all output frames
    losses, norms                           of ten steps of AdamW: nats per token, norm before clipping
    final.<parameter>                       parameters after the ten steps, of the last block and the head

The networks are written here from their papers and from the shapes of our parameters, in double, with
torch's own convolutions, recurrences, CTC loss and optimizer. Needs torch. Run from anywhere; the output
does not change from run to run.
"""
import json
import math
import pathlib
import struct

import torch
import torch.nn.functional as F

MELS = 12
CHARACTERS = [" ", "a", "b", "c", "d"]
FRAMES = [45, 26]
TARGETS = [[1, 2, 2, 5, 3], [4, 1, 3]]
STEPS = 10
LEARNING_RATE = 3e-3
BETAS = (0.9, 0.98)
EPSILON = 1e-8
WEIGHT_DECAY = 1e-2
CLIP_NORM = 1.0

CONFORMER = {"layer": "conformer_block", "heads": 2, "feed_forward": 32, "conv_kernel": 7, "dropout": 0}
MODELS = {
    "conformer": [
        {"layer": "conv_subsampling", "dim": 16, "channels": 4, "dropout": 0},
        {**CONFORMER, "repeat": 2},
    ],
    "conformer_batch_norm": [
        {"layer": "conv_subsampling", "dim": 16, "channels": 4, "separable": True, "dropout": 0},
        {**CONFORMER, "repeat": 2, "conv_norm": "batch"},
    ],
    "deep_speech_lstm": [
        {"layer": "conv2d", "channels": 4, "time_kernel": 5, "time_stride": 2, "frequency_kernel": 5,
         "frequency_stride": 2},
        {"layer": "activation", "function": "clipped_relu"},
        {"layer": "recurrent", "cell": "lstm", "hidden": 8, "bidirectional": True},
    ],
    "deep_speech_gru": [
        {"layer": "conv2d", "channels": 4, "time_kernel": 5, "time_stride": 2, "frequency_kernel": 5,
         "frequency_stride": 2},
        {"layer": "activation", "function": "clipped_relu"},
        {"layer": "recurrent", "cell": "gru", "hidden": 8, "bidirectional": True},
        {"layer": "batch_norm"},
        {"layer": "recurrent", "cell": "gru", "hidden": 8},
    ],
    "quartznet": [
        {"layer": "quartznet_block", "channels": 10, "kernel": 5, "convolutions": 1, "stride": 2,
         "residual": False},
        {"layer": "quartznet_block", "channels": 12, "kernel": 7, "convolutions": 2},
        {"layer": "quartznet_block", "channels": 12, "kernel": 3, "convolutions": 1, "dilation": 2,
         "residual": False, "separable": False},
    ],
}


class Parameters:
    """Made when they are first asked for; `prefix` is where the asker is."""

    def __init__(self):
        self.values = {}
        self.matrices = set()
        self.statistics = set()
        self.prefix = ""

    def __call__(self, name, shape, kind="vector"):
        name = self.prefix + name
        if name not in self.values:
            value = torch.randn(shape, dtype=torch.float64)
            if kind in ("matrix", "filter"):
                fan_in = math.prod(shape[1:]) if kind == "matrix" else shape[-1]
                value = value / math.sqrt(fan_in)
            elif kind in ("scale", "variance"):
                value = 0.6 + 0.8 * torch.rand(shape, dtype=torch.float64)
            else:
                value = 0.2 * value
            if kind == "matrix":
                self.matrices.add(name)
            if kind in ("mean", "variance"):
                self.statistics.add(name)
            # The file holds f32: both sides start from the same numbers.
            self.values[name] = value.float().double()
            self.values[name].requires_grad_(name not in self.statistics)
        assert self.values[name].shape == torch.Size(shape), name
        return self.values[name]

    def under(self, name):
        return Scope(self, name)

    def trainable(self):
        return {n: v for n, v in self.values.items() if n not in self.statistics}


class Scope:
    def __init__(self, parameters, name):
        self.parameters, self.name = parameters, name

    def __enter__(self):
        self.saved = self.parameters.prefix
        self.parameters.prefix += self.name + "."
        return self.parameters

    def __exit__(self, *_):
        self.parameters.prefix = self.saved


# Layers take and give [frames, dim].


def linear(p, x, dim, bias=True):
    return F.linear(x, p("weight", (dim, x.shape[1]), "matrix"), p("bias", (dim,)) if bias else None)


def layer_norm(p, x):
    dim = x.shape[1]
    return F.layer_norm(x, (dim,), p("weight", (dim,), "scale"), p("bias", (dim,)), 1e-5)


def batch_norm(p, x, epsilon):
    dim = x.shape[1]
    return F.batch_norm(x, p("running_mean", (dim,), "mean"), p("running_var", (dim,), "variance"),
                        p("weight", (dim,), "scale"), p("bias", (dim,)), False, 0.0, epsilon)


def conv1d(p, x, channels, kernel, stride=1, dilation=1, depthwise=False, bias=True):
    dim = x.shape[1]
    if depthwise:
        weight = p("weight", (dim, kernel), "filter").unsqueeze(1)
    else:
        weight = p("weight", (channels, kernel * dim), "matrix")
        weight = weight.reshape(channels, kernel, dim).transpose(1, 2)
    y = F.conv1d(x.T.unsqueeze(0), weight, p("bias", (weight.shape[0],)) if bias else None, stride,
                 dilation * (kernel - 1) // 2, dilation, dim if depthwise else 1)
    return y[0].T


def conv2d(p, x, bins, channels, kernel, stride, depthwise=False):
    """x [frames, bins * in_channels]; gives the output and its number of bins."""
    in_channels = x.shape[1] // bins
    if depthwise:
        weight = p("weight", (kernel * kernel, in_channels), "filter")
        weight = weight.reshape(kernel, kernel, 1, in_channels).permute(3, 2, 0, 1)
    else:
        weight = p("weight", (channels, kernel * kernel * in_channels), "matrix")
        weight = weight.reshape(channels, kernel, kernel, in_channels).permute(0, 3, 1, 2)
    image = x.reshape(1, x.shape[0], bins, in_channels).permute(0, 3, 1, 2)
    y = F.conv2d(image, weight, p("bias", (weight.shape[0],)), stride, (kernel - 1) // 2,
                 groups=in_channels if depthwise else 1)
    y = y[0].permute(1, 2, 0)
    return y.reshape(y.shape[0], -1), y.shape[1]


def subsampling(p, x, o):
    channels = o["channels"]
    with p.under("conv1"):
        x, bins = conv2d(p, x, x.shape[1], channels, 3, 2)
    x = F.relu(x)
    if o.get("separable", False):
        with p.under("conv2.depthwise"):
            x, bins = conv2d(p, x, bins, channels, 3, 2, depthwise=True)
        with p.under("conv2.pointwise"):
            x, bins = conv2d(p, x, bins, channels, 1, 1)
    else:
        with p.under("conv2"):
            x, bins = conv2d(p, x, bins, channels, 3, 2)
    with p.under("linear"):
        return linear(p, F.relu(x), o["dim"])


def attention(p, x, heads):
    """Transformer-XL's: the score of i and j depends on their distance i - j."""
    frames, dim = x.shape
    width = dim // heads
    qkv = F.linear(x, p("qkv.weight", (3 * dim, dim), "matrix"), p("qkv.bias", (3 * dim,)))
    q, k, v = (part.reshape(frames, heads, width) for part in qkv.split(dim, dim=1))
    distance = torch.arange(frames).unsqueeze(1) - torch.arange(frames).unsqueeze(0)
    angle = distance.double().unsqueeze(2) / 10000.0 ** (torch.arange(0, dim, 2).double() / dim)
    sinusoid = torch.stack([angle.sin(), angle.cos()], dim=3).reshape(frames, frames, dim)
    r = F.linear(sinusoid, p("position.weight", (dim, dim), "matrix"))
    r = r.reshape(frames, frames, heads, width)
    u = p("position.u", (dim,)).reshape(heads, width)
    w = p("position.v", (dim,)).reshape(heads, width)
    scores = torch.einsum("ihd,jhd->hij", q + u, k) + torch.einsum("ihd,ijhd->hij", q + w, r)
    context = torch.einsum("hij,jhd->ihd", F.softmax(scores / math.sqrt(width), dim=2), v)
    return F.linear(context.reshape(frames, dim), p("out.weight", (dim, dim), "matrix"),
                    p("out.bias", (dim,)))


def feed_forward(p, x, inner):
    dim = x.shape[1]
    with p.under("norm"):
        x = layer_norm(p, x)
    with p.under("linear1"):
        x = linear(p, x, inner)
    with p.under("linear2"):
        return linear(p, F.silu(x), dim)


def convolution(p, x, kernel, norm):
    dim = x.shape[1]
    with p.under("norm"):
        x = layer_norm(p, x)
    with p.under("pointwise1"):
        x = F.glu(linear(p, x, 2 * dim), dim=1)
    with p.under("depthwise"):
        x = conv1d(p, x, dim, kernel, depthwise=True)
    with p.under("inner_norm"):
        x = batch_norm(p, x, 1e-5) if norm == "batch" else layer_norm(p, x)
    with p.under("pointwise2"):
        return linear(p, F.silu(x), dim)


def conformer_block(p, x, o):
    with p.under("ff1"):
        x = x + 0.5 * feed_forward(p, x, o["feed_forward"])
    with p.under("mhsa"):
        with p.under("norm"):
            y = layer_norm(p, x)
        with p.under("attention"):
            x = x + attention(p, y, o["heads"])
    with p.under("conv"):
        x = x + convolution(p, x, o["conv_kernel"], o.get("conv_norm", "layer"))
    with p.under("ff2"):
        x = x + 0.5 * feed_forward(p, x, o["feed_forward"])
    with p.under("norm"):
        return layer_norm(p, x)


def recurrent(p, x, o):
    hidden, both = o["hidden"], o.get("bidirectional", False)
    gates = (4 if o["cell"] == "lstm" else 3) * hidden
    weights = []
    for direction in ["forward", "reverse"] if both else ["forward"]:
        with p.under(direction):
            weights += [p("weight_ih", (gates, x.shape[1]), "matrix"),
                        p("weight_hh", (gates, hidden), "matrix"),
                        p("bias_ih", (gates,)), p("bias_hh", (gates,))]
    zero = torch.zeros(len(weights) // 4, 1, hidden, dtype=torch.float64)
    settings = (weights, True, 1, 0.0, False, both, True)
    if o["cell"] == "lstm":
        return torch.lstm(x.unsqueeze(0), (zero, zero), *settings)[0][0]
    return torch.gru(x.unsqueeze(0), zero, *settings)[0][0]


def quartznet_block(p, x, o):
    def norm(y):
        with p.under("norm"):
            return batch_norm(p, y, 1e-3)

    def body(y):
        for i in range(o["convolutions"]):
            stride = o.get("stride", 1) if i == 0 else 1
            settings = (o["kernel"], stride, o.get("dilation", 1))
            with p.under(str(i)):
                if o.get("separable", True):
                    with p.under("depthwise"):
                        y = conv1d(p, y, None, *settings, depthwise=True, bias=False)
                    with p.under("pointwise"):
                        y = linear(p, y, o["channels"], bias=False)
                else:
                    with p.under("conv"):
                        y = conv1d(p, y, o["channels"], *settings, bias=False)
                y = norm(y)
            if i + 1 < o["convolutions"]:
                y = F.relu(y)
        return y

    if not o.get("residual", True):
        with p.under("body"):
            return F.relu(body(x))
    with p.under("residual"):
        with p.under("shortcut"):
            with p.under("pointwise"):
                shortcut = linear(p, x, o["channels"], bias=False)
            shortcut = norm(shortcut)
        return F.relu(shortcut + body(x))


def run_layer(p, x, o):
    if o["layer"] == "conv2d":
        return conv2d(p, x, x.shape[1], o["channels"], o["time_kernel"], o["time_stride"])[0]
    if o["layer"] == "activation":
        return F.hardtanh(x, 0.0, 20.0)
    if o["layer"] == "batch_norm":
        return batch_norm(p, x, 1e-5)
    make = {"conv_subsampling": subsampling, "conformer_block": conformer_block,
            "recurrent": recurrent, "quartznet_block": quartznet_block}[o["layer"]]
    return make(p, x, o)


def logits_of(p, encoder, x):
    layers = [layer for layer in encoder for _ in range(layer.get("repeat", 1))]
    for i, layer in enumerate(layers):
        with p.under(f"blocks.{i}"):
            x = run_layer(p, x, layer)
    with p.under("head"):
        return linear(p, x, len(CHARACTERS) + 1)


def losses_of(logits):
    return [F.ctc_loss(F.log_softmax(y, dim=1), torch.tensor(target), (len(y),), (len(target),),
                       blank=0, reduction="sum") for y, target in zip(logits, TARGETS)]


def backward(p, encoder, features):
    """Gradients as the trainer scales them; gives the logits and the sum of the losses."""
    for value in p.trainable().values():
        value.grad = None
    logits = [logits_of(p, encoder, x) for x in features]
    loss = sum(losses_of(logits))
    (loss / sum(len(y) for y in logits)).backward()
    return logits, loss.item()


def train(p, encoder, features):
    optimizer = torch.optim.AdamW(
        [{"params": [v for n, v in p.trainable().items() if n in p.matrices],
          "weight_decay": WEIGHT_DECAY},
         {"params": [v for n, v in p.trainable().items() if n not in p.matrices],
          "weight_decay": 0.0}],
        lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)
    losses, norms = [], []
    for _ in range(STEPS):
        _, loss = backward(p, encoder, features)
        gradients = [value.grad for value in p.trainable().values()]
        norm = math.sqrt(sum((g * g).sum().item() for g in gradients))
        for g in gradients:
            g *= min(1.0, CLIP_NORM / norm)
        optimizer.step()
        losses.append(loss / sum(len(target) for target in TARGETS))
        norms.append(norm)
    return losses, norms


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, value in tensors.items():
        value = value.detach()
        integers = value.dtype == torch.int32
        packed = value.contiguous().numpy().astype("<i4" if integers else "<f4").tobytes()
        header[name] = {"dtype": "I32" if integers else "F32", "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make_model(name, encoder, folder):
    p = Parameters()
    features = [torch.randn(frames, MELS).double() for frames in FRAMES]
    logits_of(p, encoder, features[0])
    if name.startswith("deep_speech"):
        with torch.no_grad():  # so that the upper limit of the clipped rectifier is met
            p.values["blocks.0.bias"][0] = 19.5
    config = {"name": name, "features": {"mels": MELS}, "characters": CHARACTERS, "encoder": encoder}
    write_safetensors(folder / f"{name}.safetensors", p.values,
                      {"mobileasr.format": "1", "mobileasr.config": json.dumps(config)})

    golden = {}
    logits, _ = backward(p, encoder, features)
    for u, (x, target, y) in enumerate(zip(features, TARGETS, logits)):
        golden |= {f"features.{u}": x, f"targets.{u}": torch.tensor(target, dtype=torch.int32),
                   f"logits.{u}": y}
    golden |= {f"gradient.{n}": v.grad.clone() for n, v in p.trainable().items()}
    losses, norms = train(p, encoder, features)
    golden |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    last = sorted({n.split(".")[1] for n in p.values if n.startswith("blocks.")}, key=int)[-1]
    golden |= {f"final.{n}": v for n, v in p.trainable().items()
               if n.startswith((f"blocks.{last}.", "head."))}
    write_safetensors(folder / f"{name}.golden.safetensors", golden, {})
    print(f"{name}: {sum(v.numel() for v in p.values.values())} parameters, loss {losses[0]:.4f} -> "
          f"{losses[-1]:.4f}, norms {min(norms):.3f} to {max(norms):.3f}")


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "src" / "model" / "testdata"
    folder.mkdir(exist_ok=True)
    for seed, (name, encoder) in enumerate(MODELS.items()):
        torch.manual_seed(seed)
        make_model(name, encoder, folder)


if __name__ == "__main__":
    main()
