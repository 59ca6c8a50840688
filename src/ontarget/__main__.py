"""`python -m ontarget`: the command, as launchers such as `accelerate launch` start it."""

from ontarget.cli.app import main

if __name__ == "__main__":
    main()
