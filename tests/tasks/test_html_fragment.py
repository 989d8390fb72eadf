from __future__ import annotations

import pytest

from leaver.tasks.html_fragment import html_fragment


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Write to Bob & Grace <soon>", "Write to Bob &amp; Grace &lt;soon&gt;"),
        ("one\r\ntwo", "one<br>\ntwo"),
        ("<p>Hello", "<p>Hello</p>"),
        ("<b>a<i>b</b>c", "<b>a<i>b</i></b>c"),
        ("<p>a</div></p>", "<p>a</p>"),
        ("<p onclick='x()' style='color:red'>a</p>", '<p style="color:red">a</p>'),
        ('<a href="javascript:x()">a</a>', "<a>a</a>"),
        ('<a href="mailto:bob@contoso.example">Bob</a>', '<a href="mailto:bob@contoso.example">Bob</a>'),
        ("<p>a<br/>b</p>", "<p>a<br>b</p>"),
        ("<html><head><title>x</title></head><body>a</body></html>", "a"),
        ("<p>a<style>p {}</style><script>x()</script></p>", "<p>a</p>"),
        ("<p>a &lt;b&gt; c</p>", "<p>a &lt;b&gt; c</p>"),
        ("<!-- secret --><p>a</p>", "<p>a</p>"),
    ],
)
def test_what_is_typed_becomes_one_harmless_fragment(typed: str, sent: str) -> None:
    """F7."""
    assert html_fragment(typed) == sent
