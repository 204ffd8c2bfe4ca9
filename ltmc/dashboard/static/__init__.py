"""Style sheets and scripts, LTMC's own and those of `ltmc.distribution.contents.VENDORED`."""
