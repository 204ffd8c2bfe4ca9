"""The generated manifest and docs/tools.md are in step with the tools as declared."""

from ltmc.tools import manifest
from ltmc.tools.__main__ import TOOLS_FILE, rendered_manifest, rendered_tools


def test_generated_files_are_in_step() -> None:
    """After a change of a tool run python -m ltmc.tools."""
    rendered = rendered_manifest()
    assert manifest.FILE.read_text("utf-8") == rendered
    described = TOOLS_FILE.read_text("utf-8")
    assert described == rendered_tools(described, rendered)
    assert all(f"`{tool.name}`" in described for tool in manifest.tools())


def test_listings_are_short() -> None:
    names = [tool.name for tool in manifest.tools()]
    assert len(names) == len(set(names)) >= 55
    assert sum(tool.core for tool in manifest.tools()) <= 15
    assert all(len(tool.description) <= 200 for tool in manifest.tools())


def test_each_tool_stands_in_the_folder_of_its_category() -> None:
    for tool in manifest.tools():
        assert tool.module == f"ltmc.features.{tool.category}.tools"
