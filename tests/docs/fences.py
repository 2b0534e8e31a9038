"""The fenced blocks of our Markdown pages, and the shell and Python in which a reader would type them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pyotp

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (not run|tested with): ([^>]+) -->\s*$")
ID_NUMBER = "110105199003071239"
PASSWORD = "four unrelated words here"
"""What a command that reads an ID number is given."""
COMMAND = re.compile(r"^\$ ", re.MULTILINE)
DRIVER = """
import json, sys, traceback
names = {"__name__": "__main__"}
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    try:
        exec(compile(json.loads(line), "<page>", "exec"), names)
        answer = ""
    except BaseException:
        answer = traceback.format_exc()
    print(json.dumps(answer), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Block:
    """One fenced block: where it is, its language, and what its mark says, if it has one."""

    page: str
    line: int
    language: str
    text: str
    not_run: str
    """Why it is not run; empty for almost all."""
    tested_with: str
    """More options for its first command, where a reader has more time than a test."""

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console, each with what is printed below it."""
        found = []
        for part in COMMAND.split(self.text)[1:]:
            lines, taken = part.splitlines(), 1
            while taken < len(lines) and not complete("\n".join(lines[:taken])):
                taken += 1
            found.append(("\n".join(lines[:taken]), "\n".join(lines[taken:])))
        if self.tested_with and found:
            command, comment, rest = found[0][0].partition(" #")
            found[0] = (f"{command.rstrip()} {self.tested_with}{comment}{rest}", found[0][1])
        return found


def complete(command: str) -> bool:
    """Whether a shell would run this line now, or wait for the next."""
    if command.endswith(("\\", "|", "&&")):
        return False
    return subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode == 0


def pages() -> list[Path]:
    """Every page of Markdown that we publish."""
    found = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("sdk/*/README.md"),
        *ROOT.glob("examples/**/*.md"),
    ]
    return sorted(path for path in found if "_build" not in path.parts and path.name != "CHANGELOG.md")


def blocks_of(path: Path) -> list[Block]:
    """The blocks of a page in their order."""
    text = path.read_text("utf-8")
    found = []
    for fence in FENCE.finditer(text):
        mark = MARK.search(text[: fence.start()].rstrip() + "\n")
        indent, language, body = fence.groups()
        found.append(
            Block(
                page=str(path.relative_to(ROOT)),
                line=text[: fence.start()].count("\n") + 1,
                language=language.strip(),
                text=re.sub(f"^{indent}", "", body, flags=re.MULTILINE),
                not_run=mark[2] if mark and mark[1] == "not run" else "",
                tested_with=mark[2] if mark and mark[1] == "tested with" else "",
            )
        )
    return found


class Desk:
    """A reader's terminal in the folder of a clone: what one block sets, the next one sees."""

    def __init__(self, clone: Path, state: Path) -> None:
        self.clone, self._state = clone, state
        self._state.write_text("")
        self._environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(state.parent)}
        self._python: subprocess.Popen[str] | None = None
        self._apps: dict[str, str] = {}
        """By operator the secret of the authenticator app."""
        self._steps: dict[str, int] = {}

    def shell(self, command: str) -> str:
        """Run a command as typed; returns what it printed. Raises ``AssertionError`` when it fails."""
        script = f"set -a; . {self._state}; set -e -o pipefail\n{command}\nexport -p > {self._state}"
        answer = subprocess.run(
            ["bash", "-c", script], cwd=self.clone, env=self._environ,
            input=self._typed(command), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, (
            f"exit status {answer.returncode}: {answer.stdout[-500:]}{answer.stderr[-1500:]}"
        )
        if " operators add " in command:
            made = json.loads(answer.stdout)
            self._apps[made["name"]] = made["secret"]
        return answer.stdout

    def _typed(self, command: str) -> str:
        """What a command that asks is answered: the next code of an operator's app, or an ID number."""
        asked = re.search(r"--by (\S+)", command) or re.search(
            r"operators (?:confirm|password) (\S+)", command
        )
        if asked is None or asked[1] not in self._apps:
            return f"{ID_NUMBER}\n"
        app, name = pyotp.TOTP(self._apps[asked[1]]), asked[1]
        step = self._steps[name] = max(int(time.time()) // 30 - 1, self._steps.get(name, 0) + 1)
        return f"{app.generate_otp(step)}\n{PASSWORD}\n"

    def python(self, code: str) -> None:
        """Paste code into the one Python of this terminal. Raises ``AssertionError`` with its traceback."""
        if self._python is None:
            self._python = subprocess.Popen(
                ["bash", "-c", f'. {self._state}; exec python -c "$0"', DRIVER], cwd=self.clone, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=self._environ,
            )  # fmt: skip
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps(code) + "\n")
        self._python.stdin.flush()
        failure = json.loads(self._python.stdout.readline() or '"Python has ended"')
        assert not failure, failure

    def close(self) -> None:
        if self._python is not None:
            self._python.communicate(timeout=20)
