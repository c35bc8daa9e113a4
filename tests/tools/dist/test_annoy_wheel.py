"""What the compiled wheel needs of the C library."""

from cardscanner_tools.dist.annoy_wheel import newest_glibc


def test_the_newest_symbol_counts():
    assert newest_glibc(b"\0GLIBC_2.4\0GLIBC_2.17\0GLIBCXX_3.4.30\0") == 17


def test_a_library_without_any_needs_none():
    assert newest_glibc(b"\x7fELF") == 0
