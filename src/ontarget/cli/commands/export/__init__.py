"""`ontarget export`.

command  the command, and what it prints
"""
