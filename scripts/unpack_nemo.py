#!/usr/bin/env python3
"""Unpacks a model of NVIDIA NeMo's (a .nemo file) to a folder that `mobileasr convert` takes.

    scripts/unpack_nemo.py MODEL.nemo FOLDER

writes FOLDER/model_config.yaml, FOLDER/model.safetensors and, of models with SentencePiece vocabularies,
FOLDER/tokenizer.model. Python's standard library is all that it needs: neither NeMo nor torch.

The weights in a .nemo file are a pickle, which can run whatever code its author put into it. Here an unpickler reads
it that knows only the names which a state dict of tensors is made of, and refuses a file that asks for any other.
Nothing else is unpacked, and no name inside the file becomes a path. Data types stay as they are.
"""
import collections
import json
import math
import pathlib
import pickle
import struct
import sys
import tarfile
import zipfile

# torch's storages by name: the safetensors type and its bytes.
STORAGES = {"DoubleStorage": ("F64", 8), "FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2),
            "BFloat16Storage": ("BF16", 2), "LongStorage": ("I64", 8), "IntStorage": ("I32", 4),
            "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1), "ByteStorage": ("U8", 1), "BoolStorage": ("BOOL", 1)}
LEGACY_MAGIC = 0x1950a86a20f9469cfc6c  # of files before torch 1.6


class Refused(Exception):
    pass


class Storage:
    """Bytes of one type; those of legacy files come after what points to them."""

    def __init__(self, kind, data=None):
        self.dtype, self.width = STORAGES[kind]
        self.data = data


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        if not isinstance(storage, Storage) or len(shape) != len(strides) or min((offset, *shape, *strides)) < 0:
            raise Refused("a tensor that is none")
        self.storage, self.offset, self.shape, self.strides = storage, offset, list(shape), list(strides)

    def bytes(self):
        """Row-major, whatever the strides."""
        width, data = self.storage.width, self.storage.data
        count = math.prod(self.shape)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides)) if count else 0
        if (last + 1) * width > len(data) and count:
            raise Refused("a tensor reaches over the end of its storage")
        row_major, step = True, 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides)):
            row_major &= n == 1 or stride == step
            step *= n
        if row_major or count == 0:
            return bytes(data[self.offset * width:(self.offset + count) * width])
        if count * width > len(data):
            raise Refused("a tensor has more numbers than its storage")
        places = [self.offset]
        for n, stride in zip(self.shape, self.strides):
            places = [p + i * stride for p in places for i in range(n)]
        return b"".join(data[p * width:(p + 1) * width] for p in places)


def rebuild_tensor(storage, offset, shape, strides, *_):
    return Tensor(storage, offset, shape, strides)


def rebuild_parameter(tensor, *_):
    return tensor


class Unpickler(pickle.Unpickler):
    KNOWN = {("collections", "OrderedDict"): collections.OrderedDict,
             ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
             ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
             ("torch._utils", "_rebuild_parameter"): rebuild_parameter}

    def __init__(self, file, storage_of):
        super().__init__(file)
        self.storage_of = storage_of

    def find_class(self, module, name):
        if module == "torch" and name in STORAGES:
            return name
        known = self.KNOWN.get((module, name))
        if known is None:
            raise Refused(f"the weights ask for {module}.{name}, which no tensor needs; they are not read")
        return known

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or pid[1] not in STORAGES:
            raise Refused("the weights point to something that is no storage")
        if len(pid) > 5 and pid[5] is not None:
            raise Refused("views of storages are not read; save the checkpoint with a newer torch")
        return self.storage_of(pid[1], str(pid[2]))


def read_zip(file):
    with zipfile.ZipFile(file) as archive:
        pickles = [n for n in archive.namelist() if n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Refused("the weights are a zip file without exactly one data.pkl")
        stem = pickles[0][:-len("data.pkl")]
        names = set(archive.namelist())
        if stem + "byteorder" in names and archive.read(stem + "byteorder") != b"little":
            raise Refused("the weights were saved on a big-endian machine")
        storages = {}

        def storage_of(kind, key):
            if key not in storages:
                storages[key] = Storage(kind, archive.read(f"{stem}data/{key}"))
            return storages[key]

        with archive.open(pickles[0]) as data:
            return Unpickler(data, storage_of).load()


def read_legacy(file):
    """Five pickles one after the other, then the storages."""
    storages = {}

    def storage_of(kind, key):
        return storages.setdefault(key, Storage(kind))

    magic, _, _, state, keys = [Unpickler(file, storage_of).load() for _ in range(5)]
    if magic != LEGACY_MAGIC:
        raise Refused("the weights are no checkpoint of torch's")
    for key in keys:
        storage = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        storage.data = file.read(count * storage.width)
        if count < 0 or len(storage.data) != count * storage.width:
            raise Refused("the weights end too early")
    return state


def read_checkpoint(file):
    is_zip = zipfile.is_zipfile(file)
    file.seek(0)
    state = read_zip(file) if is_zip else read_legacy(file)
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise Refused("the weights are no state dict of tensors")
    return state


def write_safetensors(path, state):
    header, end = {}, 0
    for name, tensor in state.items():
        size = math.prod(tensor.shape) * tensor.storage.width
        header[name] = {"dtype": tensor.storage.dtype, "shape": tensor.shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in state.values():
            file.write(tensor.bytes())
    return end


def unpack(source, folder):
    with tarfile.open(source) as archive:
        members = {pathlib.PurePosixPath(m.name).name: m for m in archive.getmembers() if m.isfile()}

        def only(end):
            names = [n for n in members if n.endswith(end)]
            if len(names) > 1:
                raise Refused(f"several files end in {end} ({', '.join(names)}); one language at a time")
            return members[names[0]] if names else None

        config, weights, tokenizer = only("model_config.yaml"), only(".ckpt"), only("tokenizer.model")
        if config is None or weights is None:
            raise Refused("no model_config.yaml and weights (*.ckpt) in it; is it a .nemo file?")
        state = read_checkpoint(archive.extractfile(weights))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model_config.yaml").write_bytes(archive.extractfile(config).read())
        if tokenizer is not None:
            (folder / "tokenizer.model").write_bytes(archive.extractfile(tokenizer).read())
        size = write_safetensors(folder / "model.safetensors", state)
    print(f"{folder}: {len(state)} tensors, {size / 1e6:.1f} MB"
          f"{', with its vocabulary' if tokenizer is not None else ''}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        unpack(sys.argv[1], pathlib.Path(sys.argv[2]))
    except (Refused, OSError, tarfile.TarError, zipfile.BadZipFile, pickle.UnpicklingError, EOFError, KeyError,
            ValueError, TypeError, IndexError, AttributeError, struct.error) as error:
        sys.exit(f"{sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
