"""The zuozhen command as a module, for tests that start it with the interpreter that runs them."""

from daemon.cli import main

if __name__ == "__main__":
    main()
