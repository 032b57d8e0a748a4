"""Only what libxml2 would misread goes, and only where it is markup."""

import pytest

from pruning.rawtext import readable


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<p>a<wbr>b<WBR/>c<embed src='>'>d</embed>", "<p>abcd</embed>"),
        ("<video><source src=v><track kind=x></video>", "<video></video>"),
        ("<wbrx><embed-x>", "<wbrx><embed-x>"),
        ("<noscript><p>x</noscript>a", "<noscript></noscript>a"),
        ("<template><wbr><template>x</template><wbr></template>a", "<template></template>a"),
        ("<noscript>x", "<noscript>x"),
        ("<!-- <wbr> --><wbr>", "<!-- <wbr> -->"),
        ("<script>'<wbr>'</script><style><noscript></style><wbr>", "<script>'<wbr>'</script><style><noscript></style>"),
        ("<xmp><wbr></xmp><title><wbr></title>", "<xmp><wbr></xmp><title><wbr></title>"),
        ("<p title='<wbr>'>a", "<p title='<wbr>'>a"),
        ("<plaintext><wbr>", "<plaintext><wbr>"),
        ("a<wbr", "a<wbr"),
    ],
)
def test_what_is_taken_out(markup: str, expected: str) -> None:
    """Not in comments, attributes, or elements whose contents are no markup."""
    assert expected == readable(markup.encode()).decode()
