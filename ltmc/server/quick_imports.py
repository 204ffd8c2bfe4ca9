"""Importing FastMCP in less time and memory: an agent's first call waits for little else."""

import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NOT_FOR_STDIO = (
    "cryptography",
    "fastmcp.server.providers.skills",
    "httpx2",
    "joserfc",
    "mcp.client",
    "mcp.server.elicitation",
    "mcp.server.mcpserver",
    "rich",
    "sse_starlette",
    "starlette",
    "uvicorn",
)
"""What FastMCP and mcp import at once and a server on stdio has no use for: clients, HTTP and its tokens, a
terminal."""

ONE_FOR_A_CLIENT = ("mcp_types._v2025_11_25", "mcp_types._v2026_07_28")
"""The messages of either protocol version, of which a client speaks one: that is imported when it first does."""


@contextmanager
def quick_imports(later: Sequence[str] = ()) -> Iterator[None]:
    """Leave undone, in imports inside the block, what a server may never need.

    Measured on the start of ``ltmc serve`` (0.72 s and 81 MB with everything): pydantic builds the validators of
    each model at its first use instead of at import, which for both protocol versions of ``mcp_types``
    is 80 ms; the garbage collector does not run over objects that are there to stay, which is 50 ms; and what
    stdio does not need is 20 MB and a quarter of the time.

    Args:
        later: modules that are imported only when something of them is used, with all modules inside them. Their
            names can be taken inside the block and called afterwards, but no class may inherit from them. A package
            whose import fails is forgotten with all inside it, so that it can be imported again without `later`.
    """
    from pydantic import BaseModel, ConfigDict

    former = BaseModel.model_config
    BaseModel.model_config = ConfigDict(defer_build=True)
    gc.disable()
    stand_ins = _StandIns([name for name in later if name not in sys.modules])
    sys.meta_path.insert(0, stand_ins)
    try:
        yield
    except BaseException:
        for name in [name for name in sys.modules if name.partition(".")[0] not in sys.modules]:
            del sys.modules[name]
        raise
    finally:
        sys.meta_path.remove(stand_ins)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _StandIn)]:
            del sys.modules[name]
        BaseModel.model_config = former
        gc.freeze()
        gc.enable()


class _Later(type):
    """The type of what stands for something in a module that is imported at the first use."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._real()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(cls._real(), name)

    def __instancecheck__(cls, instance: object) -> bool:
        # Of a module that was never imported there are no instances.
        return cls.__module__ in sys.modules and isinstance(instance, cls._real())

    def _real(cls) -> Any:
        module = sys.modules.get(cls.__module__)
        if module is None:
            with quick_imports():
                module = importlib.import_module(cls.__module__)
        if isinstance(module, _StandIn):
            raise RuntimeError(f"{cls.__module__}.{cls.__name__} is used while it is to be imported later")  # noqa: TRY004
        return getattr(module, cls.__name__)


def _schema(cls: Any, _: object, handler: Callable[[Any], Any], /) -> Any:
    """Return what pydantic validates by where the name is taken for a type."""
    return handler(cls._real())


class _StandIn(ModuleType):
    """Stands for a module that is imported later."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        said = {"__module__": self.__name__, "__get_pydantic_core_schema__": classmethod(_schema)}
        found = _Later(name, (Exception,), said)  # one may be named in an `except`
        setattr(self, name, found)
        return found


class _StandIns(MetaPathFinder, Loader):
    """Finds a stand-in for each of some modules and for all inside them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, _: object = None, __: object = None) -> ModuleSpec | None:
        if any(f"{fullname}.".startswith(f"{name}.") for name in self._names):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, _: ModuleType) -> None:
        """There is nothing to run."""
