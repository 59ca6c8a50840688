"""The `ontarget` command.

app         the command line: commands in the order in which one needs them, errors, exit codes
overview    the list of all commands, in sections
console     what is shown while a pipeline runs, on a terminal and in a log file
stopping    how commands that run steps end on a signal
commands/   one file a command, or a few that belong together
"""
