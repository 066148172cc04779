"""The rules of texts of the rules file that players read. Pure."""

from collections.abc import Iterator


def wrong_words(key: str, text: str, *, most: int) -> Iterator[str]:
    """What is wrong with a text, in sentences of the rules file that begin with its key."""
    if not 1 <= len(text) <= most:
        yield f"{key} must have from 1 up to {most} characters"
    # Neither a line break nor what turns the direction of the text around it.
    if not text.isprintable() or text != text.strip():
        yield f"{key} must have printable characters alone, and no space at its ends"
