"""One running LTMC: what is made once and handed out, and a call from raw arguments to its answer."""
