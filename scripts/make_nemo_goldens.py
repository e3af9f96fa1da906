#!/usr/bin/env python3
"""Writes src/convert/testdata/nemo_*: recognisers of NVIDIA NeMo's, and what they make of some sound.

For each model a .nemo file with random weights is made (model_config.yaml, model_weights.ckpt, and a SentencePiece
vocabulary where it has one) and unpacked by scripts/unpack_nemo.py into a folder, and in that

    golden.safetensors      targets.<u> and logits.<u> of two utterances (nemo_samples.safetensors), each computed
                            alone; logits of all of the source's classes, targets by our numbers
    gradients.safetensors   gradients, by the source's names, of the CTC losses' sum over all output frames, the
                            softmax over the classes that we keep only; of tied biases each layer's own
    pieces.json             of SentencePiece vocabularies: texts, and the pieces that its own library makes of them

The networks are written here, in double, from the papers (QuartzNet: Kriman et al., 2020; Citrinet: Majumdar et al.,
2021; Conformer: Gulati et al., 2020; Transformer-XL's positions: Dai et al., 2019) under the names of NeMo's tensors;
the front end from torch.stft and torchaudio's filter bank. The .nemo of nemo_citrinet is kept, to test unpacking.

    scripts/make_nemo_goldens.py                    needs python3-torch, python3-torchaudio, python3-yaml and
                                                    python3-sentencepiece
    scripts/make_nemo_goldens.py --full FOLDER --audio SPEECH.wav ...
                                                    three of published sizes, on real speech: QuartzNet 15x5,
                                                    Citrinet 512 and Conformer-CTC small

The output does not change from run to run.
"""
import argparse
import gzip
import io
import json
import math
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import sentencepiece
import torch
import torch.nn.functional as F
import torchaudio
import yaml
from torch import nn

from make_convert_goldens import RATE_HZ, TARGETS, read_wav, sound, write_safetensors

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = ["the sun rose over the hill and the sea was still", "she sells sea shells on the shore",
         "a ship sailed past the light house at noon", "there is no one here to hear the answer",
         "he said that the rain would end at ten", "all the rest is silence", "on the other hand it rains"]


class Masked(nn.Module):
    """A convolution under the name that NeMo's masked one gives it; one utterance alone has nothing to mask."""

    def __init__(self, convolution):
        super().__init__()
        self.conv = convolution

    def forward(self, x):
        return self.conv(x)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, ratio):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, channels // ratio, bias=False), nn.ReLU(),
                                nn.Linear(channels // ratio, channels, bias=False))

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean(2))).unsqueeze(2)


class JasperBlock(nn.Module):
    def __init__(self, inputs, block, mask):
        super().__init__()

        def convolution(*args, **kwargs):
            plain = nn.Conv1d(*args, bias=False, **kwargs)
            return Masked(plain) if mask else plain

        filters, repeat = block["filters"], block["repeat"]
        kernel = max(int(block["kernel"][0] * block.get("kernel_size_factor", 1.0)), 1)
        kernel += 1 - kernel % 2
        stride, dilation = block["stride"][0], block["dilation"][0]
        shape = dict(dilation=dilation, padding=dilation * (kernel - 1) // 2)
        layers, width = [], inputs
        for i in range(repeat):
            step = stride if i + 1 == repeat or not block.get("stride_last", False) else 1
            if block.get("separable", False):
                layers += [convolution(width, width, kernel, stride=step, groups=width, **shape),
                           convolution(width, filters, 1)]
            else:
                layers.append(convolution(width, filters, kernel, stride=step, **shape))
            layers.append(nn.BatchNorm1d(filters, eps=1e-3))
            if i + 1 < repeat:
                layers += [nn.ReLU(), nn.Dropout(block["dropout"])]
            width = filters
        if block.get("se", False):
            layers.append(SqueezeExcite(filters, block.get("se_reduction_ratio", 8)))
        self.mconv = nn.ModuleList(layers)
        self.res = None
        if block["residual"]:
            around = stride if block.get("residual_mode") == "stride_add" else 1
            self.res = nn.ModuleList([nn.ModuleList([convolution(inputs, filters, 1, stride=around),
                                                     nn.BatchNorm1d(filters, eps=1e-3)])])

    def forward(self, x):
        y = x
        for layer in self.mconv:
            y = layer(y)
        if self.res is not None:
            y = y + self.res[0][1](self.res[0][0](x))
        return torch.relu(y)


class JasperEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        blocks, width = [], config["feat_in"]
        for block in config["jasper"]:
            blocks.append(JasperBlock(width, block, config["conv_mask"]))
            width = block["filters"]
        self.encoder, self.width = nn.Sequential(*blocks), width

    def forward(self, features):  # [frames, mels]
        return self.encoder(features.T.unsqueeze(0))[0].T


class Subsampling(nn.Module):
    def __init__(self, config):
        super().__init__()
        channels = config["subsampling_conv_channels"]
        half = dict(stride=2, padding=1)
        layers, width = [], 1
        for i in range(int(math.log2(config["subsampling_factor"]))):
            if i > 0 and config["subsampling"] == "dw_striding":
                layers += [nn.Conv2d(width, channels, 3, groups=width, **half), nn.Conv2d(channels, channels, 1)]
            else:
                layers.append(nn.Conv2d(width, channels, 3, **half))
            layers.append(nn.ReLU())
            width = channels
        self.conv = nn.Sequential(*layers)
        bins = self.conv(torch.zeros(1, 1, 64, config["feat_in"])).shape[3]
        self.out = nn.Linear(channels * bins, config["d_model"])

    def forward(self, x):
        y = self.conv(x[None, None])[0]  # [channels, frames, bins]
        return self.out(y.transpose(0, 1).flatten(1))


class FeedForward(nn.Module):
    def __init__(self, dim, inner, bias):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(dim, inner, bias=bias), nn.Linear(inner, dim, bias=bias)

    def forward(self, x):
        return self.linear2(F.silu(self.linear1(x)))


class Attention(nn.Module):
    def __init__(self, dim, heads, bias, tied):
        super().__init__()
        self.heads, self.width = heads, dim // heads
        for name in ("q", "k", "v", "out"):
            setattr(self, "linear_" + name, nn.Linear(dim, dim, bias=bias))
        self.linear_pos = nn.Linear(dim, dim, bias=False)
        self.pos_bias_u, self.pos_bias_v = tied or [nn.Parameter(torch.zeros(heads, self.width)) for _ in range(2)]

    def forward(self, x):
        frames, dim = x.shape
        distance = (torch.arange(frames)[:, None] - torch.arange(frames)[None, :]).double()
        rates = 10000.0 ** (-torch.arange(0, dim, 2).double() / dim)
        angles = distance[:, :, None] * rates
        table = torch.stack([angles.sin(), angles.cos()], 3).flatten(2)  # [query, key, dim]
        split = lambda y: y.view(*y.shape[:-1], self.heads, self.width)
        q, k, v = split(self.linear_q(x)), split(self.linear_k(x)), split(self.linear_v(x))
        p = split(self.linear_pos(table))
        scores = torch.einsum("ihd,jhd->hij", q + self.pos_bias_u, k)
        scores = scores + torch.einsum("ihd,ijhd->hij", q + self.pos_bias_v, p)
        weights = torch.softmax(scores / math.sqrt(self.width), dim=2)
        return self.linear_out(torch.einsum("hij,jhd->ihd", weights, v).flatten(1))


class Convolution(nn.Module):
    def __init__(self, dim, kernel, bias, norm):
        super().__init__()
        self.pointwise_conv1 = nn.Conv1d(dim, 2 * dim, 1, bias=bias)
        self.depthwise_conv = nn.Conv1d(dim, dim, kernel, padding=(kernel - 1) // 2, groups=dim, bias=bias)
        self.batch_norm = nn.BatchNorm1d(dim) if norm == "batch_norm" else nn.LayerNorm(dim)
        self.pointwise_conv2 = nn.Conv1d(dim, dim, 1, bias=bias)

    def forward(self, x):
        y = self.depthwise_conv(F.glu(self.pointwise_conv1(x.T.unsqueeze(0)), dim=1))
        if isinstance(self.batch_norm, nn.LayerNorm):
            y = self.batch_norm(y.transpose(1, 2)).transpose(1, 2)
        else:
            y = self.batch_norm(y)
        return self.pointwise_conv2(F.silu(y))[0].T


class ConformerLayer(nn.Module):
    def __init__(self, c, tied):
        super().__init__()
        dim, bias = c["d_model"], c.get("use_bias", True)
        for name in ("feed_forward1", "conv", "self_att", "feed_forward2", "out"):
            setattr(self, "norm_" + name, nn.LayerNorm(dim))
        self.feed_forward1 = FeedForward(dim, dim * c["ff_expansion_factor"], bias)
        self.feed_forward2 = FeedForward(dim, dim * c["ff_expansion_factor"], bias)
        self.self_attn = Attention(dim, c["n_heads"], bias, tied)
        self.conv = Convolution(dim, c["conv_kernel_size"], bias, c["conv_norm_type"])

    def forward(self, x):
        x = x + 0.5 * self.feed_forward1(self.norm_feed_forward1(x))
        x = x + self.self_attn(self.norm_self_att(x))
        x = x + self.conv(self.norm_conv(x))
        x = x + 0.5 * self.feed_forward2(self.norm_feed_forward2(x))
        return self.norm_out(x)


class ConformerEncoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.width, self.scale = c["d_model"], math.sqrt(c["d_model"]) if c["xscaling"] else 1.0
        self.pre_encode = Subsampling(c)
        tied = None
        if not c["untie_biases"]:
            tied = [nn.Parameter(torch.zeros(c["n_heads"], c["d_model"] // c["n_heads"])) for _ in range(2)]
        self.layers = nn.ModuleList(ConformerLayer(c, tied) for _ in range(c["n_layers"]))

    def forward(self, features):
        x = self.scale * self.pre_encode(features)
        for layer in self.layers:
            x = layer(x)
        return x


class Decoder(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.decoder_layers = nn.Sequential(nn.Conv1d(width, classes, 1))

    def forward(self, x):
        return self.decoder_layers(x.T.unsqueeze(0))[0].T


class Model(nn.Module):
    def __init__(self, config, classes):
        super().__init__()
        encoder = ConformerEncoder if "Conformer" in config["encoder"]["_target_"] else JasperEncoder
        self.preprocessor = Preprocessor(config["preprocessor"])
        self.encoder = encoder(config["encoder"])
        self.decoder = Decoder(self.encoder.width, classes)

    def forward(self, samples):
        return self.decoder(self.encoder(self.preprocessor.features(samples)))


class Featurizer(nn.Module):
    def __init__(self, c):
        super().__init__()
        window = int(c["sample_rate"] * c["window_size"])
        self.register_buffer("window", torch.hann_window(window, False, dtype=torch.float64))
        bank = torchaudio.functional.melscale_fbanks(c["n_fft"] // 2 + 1, 0.0, c["sample_rate"] / 2, c["features"],
                                                     c["sample_rate"], norm="slaney", mel_scale="slaney")
        self.register_buffer("fb", bank.T.double().unsqueeze(0))


class Preprocessor(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, self.featurizer = c, Featurizer(c)

    def features(self, x):
        hop = int(self.c["sample_rate"] * self.c["window_stride"])
        frames = len(x) // hop
        x = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
        power = torch.stft(x, self.c["n_fft"], hop, len(self.featurizer.window), self.featurizer.window, center=True,
                           pad_mode="constant", return_complex=True).abs() ** 2
        y = torch.log(power.T @ self.featurizer.fb[0].T + 2**-24)[:frames]
        return (y - y.mean(0)) / (y.std(0) + 1e-5)


PREPROCESSOR = {"_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", "sample_rate": RATE_HZ,
                "normalize": "per_feature", "window_size": 0.025, "window_stride": 0.01, "window": "hann",
                "features": 16, "n_fft": 512, "frame_splicing": 1, "dither": 1e-5, "pad_to": 0}
AUGMENT = {"_target_": "nemo.collections.asr.modules.SpectrogramAugmentation", "freq_masks": 2, "time_masks": 2}
JASPER = {"_target_": "nemo.collections.asr.modules.ConvASREncoder", "feat_in": 16, "activation": "relu",
          "conv_mask": True}
CONFORMER = {"_target_": "nemo.collections.asr.modules.ConformerEncoder", "feat_in": 16, "feat_out": -1, "n_layers": 2,
             "d_model": 16, "ff_expansion_factor": 2, "self_attention_model": "rel_pos", "n_heads": 2,
             "att_context_size": [-1, -1], "pos_emb_max_len": 5000, "dropout": 0.1, "dropout_emb": 0.0,
             "dropout_att": 0.1}


def jasper(filters, kernel, repeat=1, stride=1, dilation=1, residual=False, **more):
    return {"filters": filters, "repeat": repeat, "kernel": [kernel], "stride": [stride], "dilation": [dilation],
            "dropout": 0.0, "residual": residual, **more}


CITRINET = {"separable": True, "se": True, "se_context_size": -1, "kernel_size_factor": 0.5, "stride_last": True,
            "residual_mode": "stride_add"}
MODELS = {
    "nemo_quartznet": {
        "encoder": {**JASPER, "conv_mask": False, "jasper": [
            jasper(8, 5, stride=2, separable=True), jasper(8, 5, repeat=2, residual=True, separable=True),
            jasper(10, 7, repeat=2, residual=True, separable=True), jasper(10, 5, dilation=2, separable=True),
            jasper(12, 1)]},
        "preprocessor": {"window_size": 0.02, "dither": 1e-5, "mag_power": 2.0, "log_zero_guard_type": "add"},
        "labels": [" ", "a", "e", "'", "t"],
    },
    "nemo_citrinet": {
        "encoder": {**JASPER, "jasper": [
            jasper(12, 5, se=True, separable=True, se_context_size=-1, kernel_size_factor=0.5),
            jasper(12, 11, repeat=2, stride=2, residual=True, se_reduction_ratio=4, **CITRINET),
            jasper(12, 9, repeat=2, residual=True, se_reduction_ratio=4, **CITRINET),
            jasper(16, 41, residual=False, **{**CITRINET, "kernel_size_factor": 0.1})]},
        "tokenizer": "unigram", "vocabulary": 36,
    },
    "nemo_conformer": {
        "encoder": {**CONFORMER, "subsampling": "striding", "subsampling_factor": 4, "subsampling_conv_channels": 3,
                    "xscaling": True, "untie_biases": True, "conv_kernel_size": 7, "conv_norm_type": "batch_norm"},
        "tokenizer": "bpe", "vocabulary": 40,
    },
    "nemo_fastconformer": {
        "encoder": {**CONFORMER, "subsampling": "dw_striding", "subsampling_factor": 8, "xscaling": False,
                    "subsampling_conv_channels": 4, "untie_biases": False, "conv_kernel_size": 5,
                    "conv_norm_type": "layer_norm", "use_bias": False, "causal_downsampling": False,
                    "att_context_style": "regular", "conv_context_size": None, "n_layers": 2},
        "labels": [" ", "a", "b", "c", "d"], "legacy": True,
    },
}


def published_models():
    """The shapes of NeMo's own examples (examples/asr/conf)."""
    quartznet = [jasper(256, 33, stride=2, separable=True)]
    for filters, kernel in ((256, 33), (256, 39), (512, 51), (512, 63), (512, 75)):
        quartznet += [jasper(filters, kernel, repeat=5, residual=True, separable=True)] * 3
    quartznet += [jasper(512, 87, dilation=2, separable=True), jasper(1024, 1)]
    citrinet = [jasper(512, 5, se=True, separable=True)]
    for i, kernel in enumerate([*range(11, 23, 2), *range(13, 27, 2), *range(25, 41, 2)]):
        citrinet.append(jasper(512, kernel, repeat=5, stride=2 if i in (0, 6, 13) else 1, residual=True,
                               **{**CITRINET, "kernel_size_factor": 1.0}))
    citrinet.append(jasper(640, 41, se=True, separable=True))
    features = {"features": 80}
    return {
        "quartznet15x5": {"encoder": {**JASPER, "feat_in": 64, "jasper": quartznet},
                          "preprocessor": {"features": 64, "window_size": 0.02},
                          "labels": list(" abcdefghijklmnopqrstuvwxyz'")},
        "citrinet512": {"encoder": {**JASPER, "feat_in": 80, "jasper": citrinet}, "preprocessor": features,
                        "tokenizer": "unigram", "vocabulary": 50},
        "conformer_small": {"encoder": {**CONFORMER, "feat_in": 80, "n_layers": 16, "d_model": 176, "n_heads": 4,
                                        "ff_expansion_factor": 4, "subsampling": "striding", "subsampling_factor": 4,
                                        "subsampling_conv_channels": 176, "xscaling": True, "untie_biases": True,
                                        "conv_kernel_size": 31, "conv_norm_type": "batch_norm"},
                            "preprocessor": features, "tokenizer": "bpe", "vocabulary": 50},
    }


def train_tokenizer(kind, size):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3), model_writer=out, vocab_size=size, model_type=kind, character_coverage=1.0,
        normalization_rule_name="identity", bos_id=-1, eos_id=-1, pad_id=-1, unk_id=0, num_threads=1,
        minloglevel=2)
    return out.getvalue()


def model_config(model, tokens):
    """In NeMo's order and with what it says besides."""
    pieces = "tokenizer" in model
    config = {"sample_rate": RATE_HZ, "train_ds": {"manifest_filepath": None, "batch_size": 32, "shuffle": True},
              "preprocessor": {**PREPROCESSOR, **model.get("preprocessor", {})}, "spec_augment": AUGMENT,
              "encoder": model["encoder"],
              "decoder": {"_target_": "nemo.collections.asr.modules.ConvASRDecoder", "feat_in": None,
                          "num_classes": len(tokens), "vocabulary": tokens},
              "optim": {"name": "adamw", "lr": 2.0, "betas": [0.9, 0.98], "weight_decay": 1e-3}}
    if pieces:
        config["tokenizer"] = {"dir": "tokenizers/spe", "type": "bpe", "model_path": "nemo:0f_tokenizer.model",
                               "vocab_path": "nemo:0f_vocab.txt"}
    else:
        config["labels"] = tokens
    stem = "nemo.collections.asr.models."
    config["target"] = stem + ("ctc_bpe_models.EncDecCTCModelBPE" if pieces else "ctc_models.EncDecCTCModel")
    return config


def randomize(network):
    """Numbers that f32 holds exactly; none of a norm's is zero or one."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if "featurizer" in name or name.endswith("num_batches_tracked"):
                continue
            if value.dim() > 1 and "pos_bias" not in name:
                new = torch.randn(value.shape) * math.sqrt(1.5 / (value.numel() / value.shape[0]))
            elif name.endswith(("weight", "running_var")):
                new = 0.7 + 0.6 * torch.rand(value.shape)
            else:
                new = 0.2 * torch.randn(value.shape)
            value.copy_(new.float().double())


def write_nemo(path, config, network, tokenizer, legacy):
    state = {name: value if value.dtype == torch.long else value.float()
             for name, value in network.state_dict().items()}
    weights = io.BytesIO()
    torch.save(state, weights, _use_new_zipfile_serialization=not legacy)
    files = {"model_config.yaml": yaml.safe_dump(config, sort_keys=False).encode(),
             "model_weights.ckpt": weights.getvalue()}
    if tokenizer:
        files["0f_tokenizer.model"] = tokenizer
        files["0f_vocab.txt"] = b""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo("./" + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    # Both are about: newer versions of NeMo do not compress.
    path.write_bytes(packed.getvalue() if legacy else gzip.compress(packed.getvalue(), mtime=0))


def untie(network):
    """Each layer its own copy of what they share: what a model of ours has."""
    for layer in getattr(network.encoder, "layers", []):
        for name in ("pos_bias_u", "pos_bias_v"):
            setattr(layer.self_attn, name, nn.Parameter(getattr(layer.self_attn, name).detach().clone()))


def piece_cases(tokenizer):
    words = sorted({w for t in TEXTS for w in t.split()})
    texts = TEXTS + words + ["".join(words[i] + words[-i]) for i in range(1, 12)] + ["", " the  sea ", "lllssseee"]
    return [{"text": t, "pieces": tokenizer.encode(t)} for t in texts]


def write_model(folder, model, utterances, with_gradients=True):
    name = folder.name
    tokenizer, kept = None, None
    if "tokenizer" in model:
        stored = train_tokenizer(model["tokenizer"], model["vocabulary"])
        tokenizer = sentencepiece.SentencePieceProcessor(model_proto=stored)
        tokens = [tokenizer.id_to_piece(i) for i in range(len(tokenizer))]
        kept = [len(tokens)] + [i for i in range(len(tokens)) if not tokenizer.is_unknown(i)]
    else:
        stored, tokens = None, model["labels"]
        kept = [len(tokens), *range(len(tokens))]
    config = model_config(model, tokens)
    network = Model(config, len(tokens) + 1).double().eval()
    randomize(network)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        packed = (folder if name == "nemo_citrinet" else pathlib.Path(temporary)) / "model.nemo"
        write_nemo(packed, config, network, stored, model.get("legacy", False))
        subprocess.run([sys.executable, ROOT / "scripts/unpack_nemo.py", packed, folder], check=True)
    untie(network)
    golden, said = {}, ""
    if with_gradients:
        logits = [network(x) for x in utterances]
        losses = [F.ctc_loss(F.log_softmax(y[:, kept], dim=1), torch.tensor(t), (len(y),), (len(t),), blank=0,
                             reduction="sum") for y, t in zip(logits, TARGETS)]
        (sum(losses) / sum(len(y) for y in logits)).backward()
        write_safetensors(folder / "gradients.safetensors", {n: p.grad for n, p in network.named_parameters()})
        golden["losses"] = torch.stack(losses)
        said = f", losses {[round(float(loss), 2) for loss in losses]}"
    else:
        with torch.no_grad():
            logits = [network(x) for x in utterances]
        golden |= {f"samples.{u}": x for u, x in enumerate(utterances)}
    for u, (y, t) in enumerate(zip(logits, TARGETS)):
        golden |= {f"logits.{u}": y, f"targets.{u}": torch.tensor(t, dtype=torch.int32)}
    write_safetensors(folder / "golden.safetensors", golden)
    if tokenizer:
        (folder / "pieces.json").write_text(json.dumps(piece_cases(tokenizer), indent=0) + "\n")
    print(f"{name}: {sum(v.numel() for v in network.parameters())} parameters, {[list(y.shape) for y in logits]} "
          f"logits of standard deviation {logits[0].std():.3f}{said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=pathlib.Path, help="write models of full size to this folder instead")
    parser.add_argument("--audio", action="append", default=[], help="16 kHz WAV of real speech, for --full")
    options = parser.parse_args()
    if options.full:
        for name, model in published_models().items():
            torch.manual_seed(0)
            write_model(options.full / name, model, [read_wav(path) for path in options.audio], with_gradients=False)
        return
    utterances = [sound(0.7, 1), sound(0.41, 2)]
    write_safetensors(ROOT / "src/convert/testdata/nemo_samples.safetensors",
                      {f"samples.{u}": x for u, x in enumerate(utterances)})
    for seed, (name, model) in enumerate(MODELS.items()):
        torch.manual_seed(seed)
        write_model(ROOT / "src/convert/testdata" / name, model, utterances)


if __name__ == "__main__":
    main()
