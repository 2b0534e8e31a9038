"""The process that typesets: a job on its standard input, a PDF on its standard output. Run by ``typesetting``.

It imports nothing of the gateway, holds no key, and knows no more than the job says. What it may use of the machine is
bounded before anything is typeset.
"""

import contextlib
import json
import resource
import sys

import typst


def main() -> int:
    """Typeset the job; the exit code is 3 when it cannot be typeset, with the reason on standard error."""
    job = json.load(sys.stdin.buffer)
    for kind, most in ((resource.RLIMIT_CPU, job["seconds"]), (resource.RLIMIT_AS, job["memory"])):
        with contextlib.suppress(OSError, ValueError):  # address space on macOS; the time still ends it
            resource.setrlimit(kind, (most, most))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[job["fonts"]])
    try:
        pdf = typst.compile(
            job["template"],
            root=job["root"],
            font_paths=fonts,
            ignore_system_fonts=True,
            sys_inputs={"data": job["data"]},
            format="pdf",
            pdf_standards=["a-2u"],  # for keeping, with text that can be searched; the file is tagged as well
            timestamp=job["dated"],
        )
    except typst.TypstError as error:
        print(error.diagnostic, file=sys.stderr)
        return 3
    sys.stdout.buffer.write(pdf)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
