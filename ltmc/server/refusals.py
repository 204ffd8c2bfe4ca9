"""What HTTP clients get when they are turned away."""

from starlette.responses import JSONResponse


def refusal(status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a response that says why."""
    return JSONResponse({"error": why}, status, headers)
