"""`python -m ontarget`: the command, as launchers such as `accelerate launch` start it."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is loaded is no fault."""
    try:
        from ontarget.artifacts import signals

        with signals.raising_interrupts():
            from ontarget.cli import app
    except KeyboardInterrupt:
        sys.stderr.write("ontarget: stopped\n")
        sys.exit(130)
    app.main()


if __name__ == "__main__":
    main()
