"""What differs between POSIX and Windows and several rooms need: twins with one interface, `_unix` and `_windows`."""
