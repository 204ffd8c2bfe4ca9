"""What is shipped and whether it is all there: contents, check, form, unpacking, PyInstaller hook."""
