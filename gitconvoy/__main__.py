"""`python -m gitconvoy` is the same as the command `gitconvoy`."""

from __future__ import annotations

import gc
import sys

COLLECT = (100_000, 20, 100)
"""How seldom cycles among new objects are looked for (see `gc`). A plan is many objects, in no cycle, that stay."""


def main() -> None:
    """Run the command line, whose own boundary begins once its modules are loaded; ^C before that ends it quietly."""
    gc.set_threshold(*COLLECT)
    try:
        match sys.argv[1:]:
            case ["hook-run", "pre-commit"]:
                from gitconvoy.hooking import quick

                if quick.in_order():
                    return
            case ["hook-run", name, *arguments] if name.startswith("post-") and "--help" not in arguments:
                from gitconvoy.cli import hook_words

                sys.exit(hook_words.react(name, arguments))
        from gitconvoy.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
