"""The kernel as a program of its own: under sanitizers, and for a processor that is not here."""

import random
import shutil
import statistics
import subprocess
import sys
import threading
from operator import mul
from pathlib import Path

import pytest

from ltmc.search import kernel
from ltmc.search.kernel import Kernel, KernelError
from ltmc.search.sentence_model import UNIT, SentenceModel
from ltmc.search.vectors import SignCodes, sign_code
from tests.conftest import unavailable
from tests.search.conftest import FILE
from tests.search.small_model import POSITIONS, TOKENS, small_model

DRIVER = Path(__file__).with_name("kernel_driver.c")
FLAGS = ["-std=gnu11", "-fno-math-errno", str(DRIVER)]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program with sanitizers: whatever is out of bounds or undefined ends it."""
    if not shutil.which("gcc"):
        unavailable("gcc is not installed")
    program = tmp_path_factory.mktemp("driver") / "driver"
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", "-g", "-O1", *sanitizers, *FLAGS, "-o", str(program), "-lm"], check=True)
    return program


@pytest.mark.parametrize(
    "shape", [{}, {"head": 64, "pooling": 1, "distance_bias": 1}, {"layers": 7, "distance_bias": 1}], ids=str
)
def test_damaged_files_and_wrong_tokens_are_refused_and_never_crash(
    checked: Path, tmp_path: Path, shape: dict[str, int]
) -> None:
    file = tmp_path / "small.ltms"
    file.write_bytes(small_model(**shape))
    ran = subprocess.run([checked, "fuzz", file, "1500"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_layers_of_any_size_and_weights_stay_within_their_memory(checked: Path) -> None:
    ran = subprocess.run([checked, "make", "60"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_nearest_codes_are_those_of_a_plain_count(checked: Path) -> None:
    ran = subprocess.run([checked, "nearest", "3000"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_codes_are_searched_while_others_are_added() -> None:
    draw = random.Random(8)
    codes, wanted = SignCodes(48), draw.randbytes(384)
    best = sign_code(wanted)
    codes.extend([7], best)
    done = threading.Event()

    def add() -> None:
        for number in range(2_000):
            codes.extend([10 * number, 10 * number + 1], draw.randbytes(96))
        done.set()

    adding = threading.Thread(target=add)
    adding.start()
    while not done.is_set():
        found = codes.nearest(wanted, 3)
        assert 7 in found
        assert len(found) <= 6
    adding.join()
    assert len(codes) == 4_001
    with pytest.raises(KernelError, match="2 of 5 codes in 239 bytes"):
        kernel.nearest(wanted, bytearray(5 * 48 - 1), 5, 2)
    with pytest.raises(KernelError, match="for 72 values"):
        kernel.nearest(bytes(72), bytearray(90), 5, 2)


def test_every_length_stays_within_its_memory(checked: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.ltms"
    file.write_bytes(small_model())
    lines = "".join(" ".join(["4"] * length) + "\n" for length in range(POSITIONS + 2))
    for name in kernel.available():
        ran = subprocess.run(
            [checked, "embed", file, name], input=lines, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        answers = ran.stdout.splitlines()
        assert answers[0] == answers[-1] == "error -1"
        assert len({len(answer.split()) for answer in answers[1:-1]}) == 1


def test_wrong_tokens_are_refused_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "small.ltms"
    file.write_bytes(small_model())
    model = SentenceModel(file)._kernel
    assert isinstance(model, Kernel)
    for ids, reason in (
        ([len(TOKENS)], "not in the vocabulary"),
        ([-1], "not in the vocabulary"),
        ([2**40], "token ids"),
        ([], "no token or more"),
        ([4] * (POSITIONS + 1), "no token or more"),
    ):
        with pytest.raises(KernelError, match=reason):
            model.embed([[4], ids], UNIT)


def test_arm_gives_the_same_vectors(model: SentenceModel, tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="ziglang is not installed")
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if not emulator:
        unavailable("there is no emulator of ARM: qemu-user-static")
    linker = shutil.which("aarch64-linux-gnu-gcc")
    if not linker:
        unavailable("there is no linker for ARM: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross")
    program, compiled = tmp_path / "driver", str(tmp_path / "driver.o")
    target = ["-target", "aarch64-linux-gnu", "-O3", "-c"]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *target, *FLAGS, "-o", compiled], check=True)
    # Zig would first build a whole C library to link it with.
    subprocess.run([linker, "-static", compiled, "-o", str(program), "-lm"], check=True)
    texts = [
        "Nothing happens.",
        "retry the upload",
        "We moved the queue to NATS because Kafka was too much. ",
    ]
    lines = "".join(" ".join(map(str, [101, *model.tokenise(text), 102])) + "\n" for text in texts)
    expected = [[value - 128 for value in vector] for vector in model.embed(texts)]
    for name in ("neon", "neondot"):
        command = [emulator, program, "embed", FILE, name]
        ran = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
        found = [list(map(float, line.split())) for line in ran.stdout.splitlines()]
        cosines = [sum(map(mul, a, b)) / UNIT for a, b in zip(found, expected, strict=True)]
        assert statistics.mean(cosines) > 0.998
