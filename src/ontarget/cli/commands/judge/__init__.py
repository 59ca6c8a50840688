"""`ontarget judge`.

command  the command, and what it prints
"""
