"""What of LTMC cannot be found by following imports, from its manifest, for whoever freezes it."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

from ltmc import manifest

hiddenimports = [*manifest.tool_modules(), *manifest.LAZY_MODULES]
for package in manifest.LAZY_PACKAGES:
    hiddenimports += collect_submodules(package)

datas = []
for distribution in manifest.DISTRIBUTIONS:
    datas += copy_metadata(distribution)
for package, name in manifest.DATA_FILES:
    datas += collect_data_files(package, includes=[name])
