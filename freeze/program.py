"""Where the frozen program starts, after `first`."""

import sys

from ltmc.code import apart

if sys.argv[1:2] == [apart.FROZEN_ARGUMENT]:  # a child that parses: it imports nothing else
    apart.main()
    sys.exit()

from ltmc.__main__ import main

main()
