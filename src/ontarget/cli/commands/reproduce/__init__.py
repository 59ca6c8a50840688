"""`ontarget reproduce`.

command  the command, its options and its plan
tables   the tables of the finished runs: written, and the first of them printed
"""
