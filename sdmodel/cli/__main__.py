"""`python -m sdmodel.cli`."""

from sdmodel.cli.main import main

if __name__ == "__main__":
    main()
