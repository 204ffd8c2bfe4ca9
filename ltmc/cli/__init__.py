"""The command line: a module a group of commands; each parses, calls and prints."""
