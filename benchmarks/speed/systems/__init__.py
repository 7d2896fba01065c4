"""What is compared: one file a system, each with a class of the same shape.

A system stores records of one *kind*: `vectors` and `vectors128`, whose vectors are given, or
`text`, whose vectors the system makes. A *mode* is a way to search. What a call gives may be
awaitable.
"""

from __future__ import annotations

TYPE_CHECKING = False  # A new process is timed with this module: it imports nothing.
if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any, Protocol
else:
    Protocol = object

LIMIT = 10
DIMENSIONS = {"vectors": 384, "vectors128": 128, "text": 0}


class Record:
    def __init__(
        self, id: str, text: str, user: str, metadata: dict[str, Any], vector: array[float]
    ) -> None:
        self.id = id
        self.text = text
        self.user = user
        self.metadata = metadata
        self.vector = vector
        """Normalised, of 32 bits; empty for the kind `text`."""


class Question:
    def __init__(
        self, text: str, user: str, vector: array[float], exact: dict[str, list[str]]
    ) -> None:
        self.text = text
        self.user = user
        self.vector = vector
        self.exact = exact
        """Ids by exact cosine: among the user's `own`, among `all`, in a `tenth`."""


class System(Protocol):
    def open(self, folder: Path, kind: str) -> Any:
        """Opens what is in the folder, which is empty at first."""

    def add(self, record: Record) -> Any:
        """Adds one, so that it survives a loss of power where the system promises that at all."""

    def add_many(self, records: Sequence[Record]) -> Any: ...

    def search(self, question: Question, mode: str, user: str | None, category: str | None) -> Any:
        """Finds ten records with their text and metadata: one user's, one category's, or of all."""

    def ids(self, found: Any) -> list[str]:
        """The ids of what `search` gave, best first."""

    def get(self, record: Record) -> Any: ...
    def update(self, record: Record, text: str) -> Any: ...
    def delete(self, record: Record) -> Any: ...
    def close(self) -> Any: ...


class Entry:
    """What is known of a system before it is loaded."""

    def __init__(
        self,
        label: str,
        language: str = "python",
        packages: tuple[str, ...] = (),
        imports: str = "",
        kinds: tuple[str, ...] = ("vectors",),
        workloads: tuple[str, ...] = ("W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8"),
        most: int = 10**9,
        volatile: bool = False,
        together: bool = False,
        module: str = "",
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.label = label
        self.language = language
        self.packages = packages
        """What pip (or npm) installs for it."""
        self.imports = imports
        """The statement whose time is told."""
        self.kinds = kinds
        self.workloads = workloads
        self.most = most
        """So many records at most: it would take too long with more."""
        self.volatile = volatile
        """Holds everything in memory: what is asked is added anew in each process."""
        self.together = together
        """Takes many calls at once."""
        self.module = module
        self.settings = settings or {}


AGENTMEM = ("vectors", "text", "vectors128")
NUMPY = "numpy==2.4.6 ; python_version >= '3.11'"
OLD_NUMPY = "numpy==2.2.6 ; python_version < '3.11'"
SQLITE = ("pysqlite3==0.6.1", "sqlite-vec==0.1.9")

SYSTEMS: dict[str, Entry] = {
    "agentmem-rust": Entry("AgentMem, Rust", "rust", kinds=AGENTMEM, together=True),
    "agentmem-python": Entry(
        "AgentMem, Python, awaited",
        imports="from agentmem_native import Memory",
        kinds=AGENTMEM,
        together=True,
        module="agentmem",
        settings={"blocking": False},
    ),
    "agentmem-python-sync": Entry(
        "AgentMem, Python, blocking",
        imports="import agentmem_native",
        kinds=AGENTMEM,
        together=True,
        module="agentmem",
        settings={"blocking": True},
    ),
    "agentmem-node": Entry("AgentMem, Node, awaited", "node", kinds=AGENTMEM, together=True),
    "asyncio": Entry(
        "asyncio alone",
        imports="import asyncio",
        kinds=("vectors", "text"),
        workloads=("W6", "W8"),
        module="asyncio_alone",
    ),
    "disk": Entry("the disk: a page written and synced, Rust", "rust", workloads=("W1",)),
    "sqlite-rust": Entry(
        "bare SQLite, Rust", "rust", kinds=("vectors", "text"), workloads=("W1", "W2", "W7")
    ),
    "sqlite-log-rust": Entry(
        "bare SQLite with AgentMem's tables, Rust",
        "rust",
        kinds=("vectors", "text"),
        workloads=("W1", "W2"),
    ),
    "scan-rust": Entry(
        "bare scan, Rust", "rust", kinds=("vectors", "vectors128"), workloads=("W4",)
    ),
    "numpy": Entry(
        "numpy, no store",
        packages=(NUMPY, OLD_NUMPY),
        imports="import numpy",
        kinds=("vectors", "vectors128"),
        workloads=("W2", "W3", "W4", "W5", "W6", "W8"),
        module="numpy_arrays",
    ),
    "sqlite": Entry(
        "SQLite, distance of sqlite-vec",
        packages=SQLITE,
        imports="import pysqlite3",
        module="sqlite",
        settings={"function": "sqlite-vec"},
    ),
    "sqlite-function": Entry(
        "SQLite, distance by numpy",
        packages=(NUMPY, OLD_NUMPY),
        imports="import sqlite3, numpy",
        module="sqlite",
        settings={"function": "numpy"},
    ),
    "sqlite-vec": Entry(
        "sqlite-vec, partitions",
        packages=SQLITE,
        imports="import pysqlite3",
        module="sqlite_vec0",
    ),
    "lancedb": Entry(
        "LanceDB, no index", packages=("lancedb==0.40.0",), imports="import lancedb", module="lance"
    ),
    "langgraph": Entry(
        "LangGraph, in memory",
        packages=("langgraph==1.2.24", NUMPY, OLD_NUMPY),
        imports="import langgraph.store.memory",
        workloads=("W1", "W2", "W3", "W4", "W7", "W8"),
        most=20_000,
        volatile=True,
        module="langgraph_store",
    ),
    "better-sqlite3": Entry(
        "better-sqlite3, distance of sqlite-vec",
        "node",
        packages=("better-sqlite3@12.11.1", "sqlite-vec@0.1.9"),
        imports="better-sqlite3",
    ),
    "mem0": Entry(
        "Mem0, no language model",
        packages=("mem0ai==2.2.1",),
        imports="import mem0",
        workloads=("W1", "W2", "W3", "W6", "W7", "W8"),
        most=3000,
        module="mem0_store",
    ),
    "chroma": Entry(
        "Chroma",
        packages=("chromadb==1.5.9",),
        imports="import chromadb",
        most=50_000,
        module="chroma",
    ),
}


def load(name: str) -> System:
    """Makes the system of a name that Python runs."""
    entry = SYSTEMS[name]
    module = __import__(f"systems.{entry.module}", fromlist=["make"])
    made: System = module.make(**entry.settings)
    return made
