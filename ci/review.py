"""Reviews the plan in CI: `gitconvoy validate` and `diff`, a summary, and one comment that is updated in place.

    python -I ci/review.py github|gitlab|plain

Needs nothing but Python's standard library and `gitconvoy` beside this Python (or `GITCONVOY`, a path). All that an
event says is data: it comes from the environment and from files, and reaches no shell. Without a token that may write,
as on pull requests of forks, the summary is all there is, and that is no failure. docs/review.md says how to set it up.

Environment, beside what the forge gives: `GITCONVOY_TOKEN` (may write comments), `GITCONVOY_FAIL_ON` (error, warning),
`GITCONVOY_COMMENT` (false: none), `GITCONVOY_DIRECTORY`, `GITCONVOY_BASE`, `GITCONVOY_HEAD` (instead of the event's).
Exit code: that of what failed first, `diff` or `validate`.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = "<!-- gitconvoy review: this comment is updated in place -->"
NO_CHANGE = "### Plan: no change\n"
REVIEW = "gitconvoy-review.md"
SECONDS = 20
PAGES = 30
MOST = 4_000
"""Characters of what `validate` says, of which the log has all: with what `diff` draws, GitHub takes 65,536."""
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_VISIBLE = re.compile("[ -~]+")


class Unreachable(Exception):
    """The forge said no, or nothing."""


@dataclass(frozen=True)
class Forge:
    """What differs between forges: where comments are, who writes them, how they are sent."""

    comments: str
    """Address of the list of comments."""
    comment: str
    """Address of one of them, without its id."""
    user: str
    method: str
    """Of a change."""
    header: tuple[str, str]
    name: str = "login"
    """What a user is called by."""


@dataclass(frozen=True)
class Request:
    """What to compare (`base` None: what merging HEAD into the trunk would do) and where to comment, if anywhere."""

    base: str | None
    head: str
    merge: bool = False
    forge: Forge | None = None


def main(kind: str, environ: Mapping[str, str]) -> int:
    """Review; the exit code."""
    folder = Path(environ.get("GITCONVOY_DIRECTORY") or ".")
    request = {"github": github, "gitlab": gitlab, "plain": plain}[kind](environ, folder)
    fetch_ledger(folder)
    words = arguments(request, environ, folder)
    drawn = gitconvoy(folder, environ, "diff", *words, "--format", "markdown")
    checked = gitconvoy(folder, environ, "validate", "--at", request.head)
    body = report(drawn, checked)
    log(kind, drawn, checked)
    summarise(body, environ)
    changed = not drawn.stdout.startswith(NO_CHANGE)
    if request.forge is not None and environ.get("GITCONVOY_COMMENT", "true").lower() != "false":
        tell(upsert, request.forge, f"{MARKER}\n{body}", create=changed or checked.returncode != 0)
    return drawn.returncode or checked.returncode


def arguments(request: Request, environ: Mapping[str, str], folder: Path) -> list[str]:
    """What `diff` is called with."""
    words = ["--fail-on", environ.get("GITCONVOY_FAIL_ON") or "error"]
    if request.base is None:
        return words
    if request.merge and shallow(folder) and parents(folder, "HEAD")[1:] == [request.head]:
        return [*words, "HEAD^1..HEAD"]  # the forge has merged already, and the history for it is not here
    return [*words, f"{request.base}..{request.head}", *(["--merge", request.base] if request.merge else [])]


# What is to be compared


def github(environ: Mapping[str, str], folder: Path) -> Request:
    """By the file that tells of the event."""
    event: dict[str, Any] = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    chosen = plain(environ, folder)
    if chosen.base is not None:
        return chosen
    pull = event.get("pull_request")
    if pull:
        forge = None
        if token := bearer(environ):
            api, place = environ["GITHUB_API_URL"], environ["GITHUB_REPOSITORY"]
            issues = f"{api}/repos/{urllib.parse.quote(place)}/issues"
            forge = Forge(
                f"{issues}/{int(pull['number'])}/comments",
                f"{issues}/comments",
                f"{api}/user",
                "PATCH",
                ("Authorization", f"Bearer {token}"),
            )
        return Request(commit(pull["base"]["sha"]), commit(pull["head"]["sha"]), merge=True, forge=forge)
    group = event.get("merge_group") or {}
    before = group.get("base_sha") or event.get("before")
    after = group.get("head_sha") or event.get("after")
    if before and after and reachable(folder, before):
        return Request(commit(before), commit(after))
    return Request(None, "HEAD")


def gitlab(environ: Mapping[str, str], folder: Path) -> Request:
    """By the predefined variables of a merge request, or of a branch."""
    chosen = plain(environ, folder)
    if chosen.base is not None:
        return chosen
    number, target = environ.get("CI_MERGE_REQUEST_IID"), environ.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
    head = commit(environ["CI_COMMIT_SHA"])
    if number and target:
        ref = f"refs/remotes/origin/{target}"
        fetch(folder, "origin", f"+refs/heads/{target}:{ref}")
        forge = None
        if token := bearer(environ):
            api = environ["CI_API_V4_URL"]
            notes = f"{api}/projects/{int(environ['CI_PROJECT_ID'])}/merge_requests/{int(number)}/notes"
            header = ("PRIVATE-TOKEN", token)
            forge = Forge(notes, notes, f"{api}/user", "PUT", header, name="username")
        base = git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", ref).strip()
        return Request(base or ref, head, merge=True, forge=forge)
    before = environ.get("CI_COMMIT_BEFORE_SHA", "")
    return Request(commit(before), head) if reachable(folder, before) else Request(None, head)


def plain(environ: Mapping[str, str], folder: Path) -> Request:
    """By what is named, on any other service."""
    base, head = environ.get("GITCONVOY_BASE") or None, environ.get("GITCONVOY_HEAD") or "HEAD"
    if base is None and head != "HEAD":
        raise SystemExit(f"gitconvoy: the head {head!r} has no base: name one, too, or neither")
    if base is None:
        return Request(None, head)
    named = [
        git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}") for rev in (base, head)
    ]
    return Request(named[0].strip() or base, named[1].strip() or head, merge=True)


def bearer(environ: Mapping[str, str]) -> str:
    """The token, without the line break that files and clipboards add; "" for none."""
    return environ.get("GITCONVOY_TOKEN", "").strip()


def commit(name: object) -> str:
    """An event's commit, which is nothing but one."""
    if not isinstance(name, str) or not _COMMIT.fullmatch(name):
        raise SystemExit(f"gitconvoy: the event names no commit: {name!r}")
    return name


# git and gitconvoy


def git(folder: Path, *words: str) -> str:
    """What git says; nothing where it fails, as then `gitconvoy` says what is missing."""
    done = run(["git", *words], os.environ, folder)
    return done.stdout if done.returncode == 0 else ""


def fetch(folder: Path, *words: str) -> None:
    """Fetch from origin. Submodules are none of the plan, and where they come from the checkout says."""
    git(folder, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *words)


def reachable(folder: Path, name: str) -> bool:
    """Whether the commit before a push can be had: a new branch has none (zeros), and a forced push may leave it."""
    if not name.strip("0"):
        return False
    look = ("cat-file", "-t", commit(name))
    if not git(folder, *look):
        fetch(folder, *(["--depth=1"] if shallow(folder) else []), "origin", name)
    return bool(git(folder, *look))


def run(words: list[str], environ: Mapping[str, str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program without the token: none needs it."""
    env = {**{key: value for key, value in environ.items() if key != "GITCONVOY_TOKEN"}, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        words, cwd=folder, env=env, capture_output=True, encoding="utf-8", errors="backslashreplace", check=False
    )


def shallow(folder: Path) -> bool:
    """Whether history ends early here."""
    return git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def parents(folder: Path, rev: str) -> list[str]:
    """The parents of a commit, as far as they are here."""
    return git(folder, "show", "--no-patch", "--format=%P", rev).split()


def fetch_ledger(folder: Path) -> None:
    """What is running counts for what is dispatched on merge; a clone of one branch has no ledger."""
    ref = "refs/remotes/origin/convoy-ledger"
    if not git(folder, "rev-parse", "--verify", "--quiet", ref):
        depth = ["--depth=1"] if shallow(folder) else []
        fetch(folder, *depth, "origin", f"+refs/heads/convoy-ledger:{ref}")


def gitconvoy(folder: Path, environ: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run it there."""
    program = environ.get("GITCONVOY") or str(Path(sys.executable).with_name("gitconvoy"))
    return run([program, "-C", str(folder), *words], environ)


# What is said


def report(drawn: subprocess.CompletedProcess[str], checked: subprocess.CompletedProcess[str]) -> str:
    """The summary and the comment."""
    parts = [drawn.stdout] if drawn.stdout else ["### Plan: it cannot be compared", fenced(drawn.stderr)]
    if checked.returncode:
        parts += ["#### What `gitconvoy validate` says of all files", fenced(checked.stdout or checked.stderr)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def fenced(text: str) -> str:
    """Text in which nothing acts, nor a line that GitLab would take for a quick action (`/merge`)."""
    text = re.sub("^/", " /", text.strip(), flags=re.MULTILINE)
    if len(text) > MOST:
        text = text[:MOST].rpartition("\n")[0] + "\n... (the log has all of it)"
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def log(kind: str, *done: subprocess.CompletedProcess[str]) -> None:
    """Into the job's log, whose lines are no commands to the runner whatever beads are called."""
    token = secrets.token_hex(16)
    if kind == "github":
        print(f"::stop-commands::{token}")
    for each in done:
        print(each.stdout + each.stderr)
    if kind == "github":
        print(f"::{token}::")
    sys.stdout.flush()


def summarise(body: str, environ: Mapping[str, str]) -> None:
    """Where the forge shows it, else beside the job's other files."""
    summary = environ.get("GITHUB_STEP_SUMMARY")
    file = Path(summary or REVIEW)
    if not summary:
        file.unlink(missing_ok=True)  # a checkout may hold a link of that name, which leads anywhere
    with file.open("a" if summary else "x", encoding="utf-8") as there:
        there.write(body)


def tell(action: Any, *words: Any, **more: Any) -> None:
    """Comment if that can be: the review itself has not failed where it cannot."""
    try:
        print(f"gitconvoy: {action(*words, **more)}")
    except Unreachable as error:
        print(f"gitconvoy: no comment ({' '.join(str(error).split())}); the summary of this job has the review")


def upsert(forge: Forge, body: str, *, create: bool) -> str:
    """Write the comment, or change the one that is there; what was done, in words."""
    for each in listed(forge):
        if mine(forge, each):
            if each["body"] != body:
                call(forge, forge.method, f"{forge.comment}/{int(each['id'])}", {"body": body})
            return "the comment is up to date"
    if not create:
        return "no comment, as the plan does not change"
    call(forge, "POST", forge.comments, {"body": body})
    return "a comment is written"


def listed(forge: Forge) -> Iterator[dict[str, Any]]:
    """All comments, page by page."""
    for page in range(1, PAGES + 1):
        found = call(forge, "GET", f"{forge.comments}?per_page=100&page={page}")
        if not isinstance(found, list):
            raise Unreachable("GET: no list of comments")
        yield from found
        if len(found) < 100:
            return


def mine(forge: Forge, comment: Mapping[str, Any]) -> bool:
    """Whether we wrote it: anybody can put our mark into a comment of their own, which is theirs to change later."""
    if not str(comment.get("body") or "").startswith(MARKER):
        return False
    author = comment.get("user") or comment.get("author") or {}
    try:
        me = call(forge, "GET", forge.user)
    except Unreachable:  # tokens of jobs belong to no user: what they write is a bot's
        return author.get("type") == "Bot"
    return bool(author.get(forge.name) == me.get(forge.name))


class Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else: Python would take the token along, to whatever host, and make a GET of a POST."""

    def redirect_request(self, *_: Any) -> None:
        return None


def call(forge: Forge, method: str, url: str, data: object = None) -> Any:
    """One request; Unreachable where it is refused, leads elsewhere, or nobody answers."""
    if not _VISIBLE.fullmatch(forge.header[1]):  # Python would show it in the error
        raise Unreachable("the token holds what no header takes")
    headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "gitconvoy"}
    sent = json.dumps(data).encode() if data is not None else None
    asked = urllib.request.Request(url, sent, {**headers, **dict([forge.header])}, method=method)
    try:
        with urllib.request.build_opener(Stay).open(asked, timeout=SECONDS) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise Unreachable(f"{method}: {error.code} {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{method}: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], os.environ))
