"""`python -m gitconvoy` is the same as the command `gitconvoy`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, whose own boundary begins once its modules are loaded; ^C before that ends it quietly."""
    try:
        if sys.argv[1:] == ["hook-run", "pre-commit"]:
            from gitconvoy.hooking import quick

            if quick.in_order():
                return
        from gitconvoy.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
