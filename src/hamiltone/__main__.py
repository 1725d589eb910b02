"""``python -m hamiltone`` is the command, too."""

from hamiltone._command import main

if __name__ == "__main__":
    main()
