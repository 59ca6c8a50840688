"""`ontarget reproduce`.

command  the command, and what it prints
"""
