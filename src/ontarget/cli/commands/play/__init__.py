"""`ontarget play`.

command  the command: loads, says how much memory that takes, and serves the page
models   which models a run has, and the references that show how answers begin
"""
