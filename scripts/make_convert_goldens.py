#!/usr/bin/env python3
"""Writes src/convert/testdata/: recognisers of other frameworks, and what those make of them.

For each model a folder in the layout of Hugging Face's transformers (config.json, vocab.json,
preprocessor_config.json, model.safetensors; random weights), and in it

    golden.safetensors      samples.<u>, targets.<u> and logits.<u> of two utterances, each computed alone;
                            logits of all of the source's tokens, targets among those that are kept
    gradients.safetensors   gradients, by the source's names, of the CTC losses' sum over all output frames,
                            the softmax over the kept tokens only; of the positional convolution's weight
                            that of the weight itself, not of the two parts of its weight norm

The networks are torchaudio's own wav2vec 2.0, in double: nothing of them is written here, and nothing of ours is
in them. Only the names of the tensors, which torchaudio keeps from transformers but for their beginnings, are
put together here (torchaudio.models.wav2vec2.utils.import_huggingface has them the other way round).

    scripts/make_convert_goldens.py                                   needs python3-torch, python3-torchaudio
    scripts/make_convert_goldens.py --full FOLDER --audio SPEECH.wav  one of 95 M parameters, on real speech

The output does not change from run to run.
"""
import argparse
import json
import math
import pathlib
import struct
import wave

import torch
import torch.nn.functional as F
from torchaudio.models import wav2vec2_model

RATE_HZ = 16000
TARGETS = [[1, 2, 2, 4], [3, 1]]
BASE = {"conv_dim": [8, 8, 10], "conv_kernel": [10, 3, 2], "conv_stride": [5, 2, 2], "hidden_size": 16,
        "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "num_conv_pos_embeddings": 6,
        "num_conv_pos_embedding_groups": 4, "hidden_act": "gelu", "feat_extract_activation": "gelu",
        "layer_norm_eps": 1e-5, "hidden_dropout": 0.1, "add_adapter": False, "adapter_attn_dim": None}
SPECIAL = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}
MODELS = {
    "wav2vec2_base": {
        "config": {**BASE, "model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"],
                   "feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False,
                   "pad_token_id": 0},
        "vocab": {**SPECIAL, "|": 4, "E": 5, "T": 6, "'": 7, "A": 8},
        "normalize": True, "store": "f32", "weight_norm": ["weight_g", "weight_v"],
    },
    "wav2vec2_large": {
        "config": {**BASE, "model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"],
                   "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True,
                   "num_conv_pos_embeddings": 5, "pad_token_id": 5},
        "vocab": {"a": 0, "\u00e9": 1, "|": 2, "z": 3, "[UNK]": 4, "[PAD]": 5},
        "normalize": True, "store": "f32", "weight_norm": ["weight_g", "weight_v"],
    },
    "hubert": {
        "config": {**BASE, "model_type": "hubert", "architectures": ["HubertForCTC"],
                   "feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False,
                   "feat_proj_layer_norm": True, "pad_token_id": 0},
        "vocab": {**SPECIAL, "|": 4, "a": 5, "b": 6, "c": 7, "d": 8},
        "normalize": False, "store": "f16",
        "weight_norm": ["parametrizations.weight.original0", "parametrizations.weight.original1"],
    },
}
FULL = {
    "config": {**MODELS["wav2vec2_base"]["config"], "conv_dim": [512] * 7, "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
               "conv_stride": [5, 2, 2, 2, 2, 2, 2], "hidden_size": 768, "num_hidden_layers": 12,
               "num_attention_heads": 12, "intermediate_size": 3072, "num_conv_pos_embeddings": 128,
               "num_conv_pos_embedding_groups": 16},
    "vocab": {**SPECIAL, "|": 4, **{c: 5 + i for i, c in enumerate("ETAONIHSRDLUMWCFGYPBVK'XJQZ")}},
    "normalize": True, "store": "f32", "weight_norm": ["weight_g", "weight_v"],
}


def make_network(config, tokens):
    return wav2vec2_model(
        extractor_mode=config["feat_extract_norm"] + "_norm",
        extractor_conv_layer_config=list(zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"])),
        extractor_conv_bias=config["conv_bias"], encoder_embed_dim=config["hidden_size"],
        encoder_projection_dropout=0.0, encoder_pos_conv_kernel=config["num_conv_pos_embeddings"],
        encoder_pos_conv_groups=config["num_conv_pos_embedding_groups"],
        encoder_num_layers=config["num_hidden_layers"], encoder_num_heads=config["num_attention_heads"],
        encoder_attention_dropout=0.0, encoder_ff_interm_features=config["intermediate_size"],
        encoder_ff_interm_dropout=0.0, encoder_dropout=0.0,
        encoder_layer_norm_first=config["do_stable_layer_norm"], encoder_layer_drop=0.0,
        aux_num_out=tokens).double().eval()


def source_name(model, name):
    """transformers' name of torchaudio's parameter."""
    prefix = model["config"]["model_type"] + "."
    if name.startswith("aux."):
        return "lm_head." + name[len("aux."):]
    name = name.replace("encoder.feature_projection.", "feature_projection.")
    name = name.replace("encoder.transformer.", "encoder.")
    for old, new in zip(["weight_g", "weight_v"], model["weight_norm"]):
        if name.endswith("pos_conv_embed.conv." + old):
            name = name[:-len(old)] + new
    return prefix + name


def randomize(network, store):
    """Numbers that the file can hold exactly; none of a norm's is zero or one."""
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.dim() > 1 and not name.endswith("weight_g"):
                new = torch.randn(value.shape) * math.sqrt(1.5 / (value.numel() / value.shape[0]))
            elif name.endswith("weight"):
                new = 0.7 + 0.6 * torch.rand(value.shape)
            elif name.endswith("weight_g"):
                new = 0.5 + torch.rand(value.shape)
            else:
                new = 0.2 * torch.randn(value.shape)
            value.copy_((new.half() if store == "f16" else new.float()).double())


def sound(seconds, seed):
    """A voice of sorts: a gliding pitch with harmonics, syllables and breath."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(int(seconds * RATE_HZ)).double() / RATE_HZ
    pitch = 120 + 30 * torch.sin(2 * math.pi * 3 * t + seed)
    phase = 2 * math.pi * torch.cumsum(pitch, 0) / RATE_HZ
    voice = sum(torch.sin(k * phase) / k for k in range(1, 20))
    level = 0.05 + 0.1 * torch.sin(2 * math.pi * 4 * t).abs()
    breath = 0.01 * torch.randn(len(t), generator=generator).double()
    return (level * voice + breath).float().double()


def read_wav(path):
    with wave.open(path) as file:
        assert file.getframerate() == RATE_HZ and file.getsampwidth() == 2, "16 kHz, 16 bits, please"
        data = torch.frombuffer(bytearray(file.readframes(file.getnframes())), dtype=torch.int16)
        return data[::file.getnchannels()].double() / 32768


def normalized(model, samples):
    """What preprocessor_config.json's do_normalize means."""
    if not model["normalize"]:
        return samples
    return (samples - samples.mean()) / torch.sqrt(samples.var(unbiased=False) + 1e-7)


def kept_tokens(model):
    blank = model["config"]["pad_token_id"]
    characters = sorted(n for token, n in model["vocab"].items()
                        if n != blank and not (len(token) > 2 and token[0] in "<["))
    return [blank] + characters


def write_safetensors(path, tensors, store="f32"):
    header, data = {}, []
    end = 0
    for name, value in tensors.items():
        value = value.detach()
        kind = {"torch.int32": ("I32", "<i4")}.get(str(value.dtype),
                                                   ("F16", "<f2") if store == "f16" else ("F32", "<f4"))
        packed = value.contiguous().numpy().astype(kind[1]).tobytes()
        header[name] = {"dtype": kind[0], "shape": list(value.shape), "data_offsets": [end, end + len(packed)]}
        end += len(packed)
        data.append(packed)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.writelines(data)


def gradients(model, network, utterances):
    kept = kept_tokens(model)
    conv = network.encoder.transformer.pos_conv_embed.conv
    logits, losses, weights = [], [], []
    for x, target in zip(utterances, TARGETS):
        y = network(normalized(model, x).unsqueeze(0))[0][0]
        conv.weight.retain_grad()  # made from its two parts, anew in every run
        weights.append(conv.weight)
        logits.append(y)
        losses.append(F.ctc_loss(F.log_softmax(y[:, kept], dim=1), torch.tensor(target), (len(y),), (len(target),),
                                 blank=0, reduction="sum"))
    (sum(losses) / sum(len(y) for y in logits)).backward()
    found = {source_name(model, name): value.grad for name, value in network.named_parameters()
             if not name.endswith(("weight_g", "weight_v"))}
    prefix = model["config"]["model_type"] + "."
    found[prefix + "encoder.pos_conv_embed.conv.weight"] = sum(w.grad for w in weights)
    return logits, losses, found


def write_model(model, folder, utterances, with_gradients):
    folder.mkdir(parents=True, exist_ok=True)
    tokens = len(model["vocab"])
    network = make_network(model["config"], tokens)
    randomize(network, model["store"])
    config = {**model["config"], "vocab_size": tokens, "torch_dtype": "float32"}
    texts = {"config.json": config, "vocab.json": model["vocab"],
             "preprocessor_config.json": {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1,
                                          "sampling_rate": RATE_HZ, "padding_value": 0.0,
                                          "do_normalize": model["normalize"]}}
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    tensors = {source_name(model, name): value for name, value in network.named_parameters()}
    tensors[model["config"]["model_type"] + ".masked_spec_embed"] = torch.rand(model["config"]["hidden_size"])
    write_safetensors(folder / "model.safetensors", tensors, model["store"])
    golden = {f"samples.{u}": x for u, x in enumerate(utterances)}
    if with_gradients:
        logits, losses, found = gradients(model, network, utterances)
        write_safetensors(folder / "gradients.safetensors", found)
        golden["losses"] = torch.stack(losses)
        golden |= {f"targets.{u}": torch.tensor(t, dtype=torch.int32) for u, t in enumerate(TARGETS)}
    else:
        with torch.no_grad():
            logits = [network(normalized(model, x).unsqueeze(0))[0][0] for x in utterances]
    golden |= {f"logits.{u}": y for u, y in enumerate(logits)}
    write_safetensors(folder / "golden.safetensors", golden)
    print(f"{folder.name}: {sum(v.numel() for v in network.parameters())} parameters, "
          f"{[list(y.shape) for y in logits]} logits of standard deviation {logits[0].std():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=pathlib.Path, help="write one model of full size to this folder instead")
    parser.add_argument("--audio", action="append", default=[], help="16 kHz WAV of real speech, for --full")
    options = parser.parse_args()
    if options.full:
        torch.manual_seed(0)
        write_model(FULL, options.full, [read_wav(path) for path in options.audio], with_gradients=False)
        return
    folder = pathlib.Path(__file__).resolve().parent.parent / "src" / "convert" / "testdata"
    for seed, (name, model) in enumerate(MODELS.items()):
        torch.manual_seed(seed)
        write_model(model, folder / name, [sound(0.2, 1), sound(0.11, 2)], with_gradients=True)


if __name__ == "__main__":
    main()
