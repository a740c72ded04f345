"""The REST edge under `/api/v3`: GitHub's licensing endpoints as GitHub answers them, and ours beside them.

One module a resource. `endpoint.py` is what all have in common: it lets a request in by a token (`tokens.py`), counts
it (`limits.py`) and writes every error alike (`errors.py`); `idempotency.py` answers a repeated request as before.
"""
