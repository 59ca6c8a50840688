"""`ontarget ability`.

command  the command, and what it prints
"""
