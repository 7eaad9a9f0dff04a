"""Limits of a head that a route has of its own: they hold once the route is found."""

import pytest

from harness.upstream import http_ok


@pytest.mark.parametrize("key, value, target, field, status", [
    ("max-uri", 64, "/small?" + "x" * 58, "A: 1", 414), ("max-uri", 64, "/small?" + "x" * 57, "A: 1", 200), ("max-uri", 64, "/large?" + "x" * 58, "A: 1", 200),
    ("max-head", 256, "/small", "A: " + "x" * 256, 431), ("max-head", 256, "/small", "A: 1", 200), ("max-head", 256, "/large", "A: " + "x" * 256, 200),
    ("max-fields", 3, "/small", "A: 1\r\nB: 1", 431), ("max-fields", 3, "/small", "A: 1", 200), ("max-fields", 3, "/large", "A: 1\r\nB: 1", 200),
])
def test_a_head_within_the_limits_of_its_route(stage, key, value, target, field, status):
    to = f"http:{stage.upstream(http_ok).address}"
    router = stage.tidegate({"default": to}, f"[route:small]\npath = ^/small\n{key} = {value}\nto = {to}\n")
    assert router.get(target, field).status == status
