"""How a tool is declared: the decorator, the types of arguments, and the manifest generated from both.

The tools themselves stand with their logic, in ``ltmc.features.<subject>.tools``. After a change of one,
``python -m ltmc.tools`` writes ``manifest.json`` anew.
"""
