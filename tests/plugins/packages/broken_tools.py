"""A plugin that does not load."""

print("this must not reach stdout")
raise RuntimeError("the soil is frozen")
