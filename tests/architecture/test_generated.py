"""What is generated from the tools is in step with them; after a change run ``python -m ltmc.tools``."""

from ltmc.tools import manifest
from ltmc.tools.__main__ import README_FILE, rendered_manifest, rendered_readme


def test_generated_files_are_in_step() -> None:
    rendered = rendered_manifest()
    assert manifest.FILE.read_text("utf-8") == rendered
    readme = README_FILE.read_text("utf-8")
    assert rendered_readme(readme, rendered) == readme
    assert all(f"`{tool.name}`" in readme for tool in manifest.tools())


def test_tools_have_names_of_their_own_and_short_descriptions() -> None:
    names = [tool.name for tool in manifest.tools()]
    assert len(names) == len(set(names))
    assert sum(tool.core for tool in manifest.tools()) <= 15
    assert not [tool.name for tool in manifest.tools() if len(tool.description) > 200]
