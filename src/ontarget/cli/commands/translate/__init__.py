"""`ontarget translate`.

command  the command, and what it prints
inputs   what its arguments mean
"""
