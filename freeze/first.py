"""Runs hooks before PyInstaller's own preparations, which take longer than a hook and which it does not need."""

from ltmc.__main__ import is_hook, main

if is_hook():
    main()
