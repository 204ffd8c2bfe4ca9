"""Importing FastMCP in less time: an agent's first call waits for little else."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Leave undone, in imports inside the block, what a server may never need.

    Measured on the start of ``ltmc serve`` (0.72 s with everything): pydantic builds the validators of
    each model at its first use instead of at import, which for both protocol versions of ``mcp_types``
    is 80 ms; and the garbage collector does not run over objects that are there to stay,
    which is 50 ms.
    """
    from pydantic import BaseModel, ConfigDict

    former = BaseModel.model_config
    BaseModel.model_config = ConfigDict(defer_build=True)
    gc.disable()
    try:
        yield
    finally:
        BaseModel.model_config = former
        gc.freeze()
        gc.enable()
