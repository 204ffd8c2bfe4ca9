"""Tune the distilled rows on pairs of docstring and code (optional second step of distill).

Needs PyTorch (2.13.0 was used, one thread, so that a run repeats).  Usage::

    python -m distill.tune WHEEL OUTPUT --packages DIR [DIR ...] [--leave-out FILE]

The corpus is every documented function of the given Python packages (tests left
out): the docstring's first sentence on one side, the name and the body's words on
the other.  A contrastive loss (InfoNCE, both ways, within the batch) pulls the pair
together; a penalty holds every row near where distilling put it.

Penalty, with what it gave (LoCoMo recall@10 of the hybrid / of the model alone;
CoSQA MRR hybrid, W 1.0 / alone): no tuning 0.783/0.448, 0.420/0.317; 10 0.783/0.444, 0.453/0.423;
20 0.783/0.460, 0.452/0.414; 40 0.785/0.466, 0.441/0.393.  Chosen: 20.

The model in ltmc/search was made from the standard library of Python 3.11.7 and the packages in packages.txt,
65,248 functions; docstrings that the evaluation sets hold were left out.
"""

import argparse
import ast
import json
import random
import re
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize

from distill.distill import kept_tokens, project, raw_rows, read_source, write_model
from ltmc.search.analysis import split_words
from ltmc.search.code_fields import SYNTAX
from ltmc.search.embedding import StaticModel

PENALTY, EPOCHS, RATE, BATCH, TEMPERATURE = 20.0, 6, 0.002, 1024, 0.05
LONGEST = {"doc": 40, "name": 12, "body": 120}  # tokens
SENTENCE_END = re.compile(r"\n\s*\n|\n\s*:param|\n\s*Args|(?<=\.)\s")


def key(text: str) -> str:
    """Return what makes two docstrings the same: their first sixty letters."""
    return re.sub(r"\W+", "", text).lower()[:60]


def functions(roots: list[Path], leave_out: set[str]) -> list[tuple[str, str, str]]:
    """(docstring's first sentence, name, arguments and body) of documented functions."""
    found: dict[tuple[str, str], str] = {}
    for root in roots:
        for path in sorted(root.rglob("*.py")):
            if "/test" in str(path):
                continue
            try:
                tree = ast.parse(path.read_text(encoding="utf-8"))
            except (SyntaxError, ValueError, RecursionError):
                continue
            for node in ast.walk(tree):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                doc = (ast.get_docstring(node) or "").strip()
                sentence = SENTENCE_END.split(doc)[0]
                if len(sentence.split()) < 3 or len(sentence) > 300 or key(doc) in leave_out:
                    continue
                body = "\n".join(ast.unparse(part) for part in node.body[1:])[:1500]
                found.setdefault((sentence, node.name), f"{ast.unparse(node.args)[:300]} {body}")
    return [(sentence, name, body) for (sentence, name), body in found.items()]


def tune(rows: np.ndarray, triples: list[tuple[list[int], list[int], list[int]]]) -> np.ndarray:
    """Pull the two sides of each pair together."""
    torch.manual_seed(0)
    random.seed(0)
    torch.set_num_threads(1)
    base = torch.tensor(rows, dtype=torch.float32)
    base /= base.norm(dim=1).mean()
    bags = torch.nn.EmbeddingBag(*base.shape, mode="sum")
    bags.weight.data.copy_(base)
    optimiser = torch.optim.Adam(bags.parameters(), lr=RATE)

    def vectors(texts: list[list[int]]) -> torch.Tensor:
        offsets = torch.tensor([0] + [len(text) for text in texts[:-1]]).cumsum(0)
        flat = torch.tensor([token for text in texts for token in text])
        return normalize(bags(flat, offsets), dim=1)

    for epoch in range(EPOCHS):
        random.shuffle(triples)
        for start in range(0, len(triples) - BATCH + 1, BATCH):
            batch = triples[start : start + BATCH]
            doc, name, body = (vectors([t[i] for t in batch]) for i in range(3))
            target = torch.arange(BATCH)
            loss = torch.zeros(())
            for other in (body, name):
                scores = doc @ other.T / TEMPERATURE
                loss = loss + (cross_entropy(scores, target) + cross_entropy(scores.T, target)) / 2
            used = torch.tensor(sorted({token for t in batch for part in t for token in part}))
            drift = ((bags.weight[used] - base[used]) ** 2).sum(1).mean()
            optimiser.zero_grad()
            (loss + PENALTY * drift).backward()
            optimiser.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
    return bags.weight.detach().numpy().astype(np.float64)


def main() -> None:
    """Distil, then tune."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--packages", type=Path, nargs="+", required=True)
    parser.add_argument("--leave-out", type=Path, help="JSON list of docstrings never to learn from")
    options = parser.parse_args()
    leave_out = set()
    if options.leave_out:
        leave_out = {key(text) for text in json.loads(options.leave_out.read_text())}
    weights, vocab = read_source(options.wheel)
    kept = kept_tokens(vocab)
    tokens = [vocab[i] for i in kept]
    rows = project(raw_rows(weights, vocab, kept), np.array(kept), tokens)
    write_model(options.output, rows, tokens)
    model = StaticModel(options.output)
    triples = []
    for doc, name, body in functions(options.packages, leave_out):
        words = " ".join(w for w in split_words(f"{name} {body}").split() if w not in SYNTAX)
        triple = (
            model.tokenise(doc)[: LONGEST["doc"]],
            model.tokenise(split_words(name))[: LONGEST["name"]],
            model.tokenise(words)[: LONGEST["body"]],
        )
        if all(triple):
            triples.append(triple)
    print(f"{len(triples)} functions")
    write_model(options.output, tune(rows, triples), tokens)


if __name__ == "__main__":
    main()
