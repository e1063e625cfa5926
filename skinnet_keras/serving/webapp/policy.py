"""The HTTP headers the page is meant to be served with; above all, where it may send data."""

from __future__ import annotations

_DIRECTIVES = (
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
)

META_POLICY = "; ".join(_DIRECTIVES)
"""Content-Security-Policy as the page's own `<meta>` element has it: no server has to help."""

# `frame-ancestors` counts in a header only.
HEADERS = {
    "Content-Security-Policy": f"{META_POLICY}; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers for whoever serves the page. The service worker puts them on what it serves from its
cache, so that the policy binds the inference worker, too, which does not inherit the page's."""

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tflite": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
"""Suffix of a page's file -> its media type."""


def headers_file() -> str:
    """Return the headers in the `_headers` format of static hosts such as Netlify."""
    lines = [f"  {name}: {value}" for name, value in HEADERS.items()]
    return "\n".join(["/*", *lines, ""])
