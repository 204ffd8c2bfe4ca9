"""PostgreSQL: one database for LTMC on several hosts. Needs the extra ``postgres``."""
