"""What of LTMC cannot be found by following imports, for whoever freezes it."""

from PyInstaller.utils.hooks import (
    collect_data_files,
    collect_dynamic_libs,
    collect_submodules,
    copy_metadata,
)

from ltmc.distribution import contents, form
from ltmc.search import kernel
from ltmc.tools import manifest

hiddenimports = [*manifest.modules(), *contents.THIRD_PARTY]
for package in contents.THIRD_PARTY_PACKAGES:
    hiddenimports += collect_submodules(package)

binaries = collect_dynamic_libs(kernel.__name__)

datas = collect_data_files(manifest.__package__, includes=[manifest.FILE.name])
datas += collect_data_files(form.__package__, includes=[form.COMMIT_FILE])
for distribution in contents.DISTRIBUTIONS:
    datas += copy_metadata(distribution)
for package, name in manifest.data_files():
    datas += collect_data_files(package, includes=[name])
