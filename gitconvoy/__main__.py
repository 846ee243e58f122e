"""`python -m gitconvoy` is the same as the command `gitconvoy`."""

from gitconvoy.cli.main import main

if __name__ == "__main__":
    main()
