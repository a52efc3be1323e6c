"""`python -m examples.invoices`: draw every example again, and its golden pictures.

Look at what changed before committing it: the tests compare with these files.
"""

from __future__ import annotations

from examples.invoices.drawing import PICTURES, drawn, examples, picture_path, pictured


def main() -> None:
    """Write the PDF beside each JSON and the pictures of its pages among the tests."""
    PICTURES.mkdir(exist_ok=True)
    for path in examples():
        pdf = drawn(path)
        target = path.with_suffix(".pdf")
        before = target.read_bytes() if target.exists() else b""
        target.write_bytes(pdf)
        for number, page in enumerate(pictured(pdf), 1):
            page.quantize(16).save(picture_path(path, number), optimize=True)
        print(f"{'same' if pdf == before else 'NEW '}  {target.name}  {len(pdf) // 1024} KiB")


if __name__ == "__main__":
    main()
