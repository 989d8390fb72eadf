"""`python -m leaver` is the command `leaver`."""

from leaver.cli import main

if __name__ == "__main__":
    main()
