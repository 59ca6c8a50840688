"""The server in front of another one: judges its answers, and asks again.

upstream   the other server: its address, bounded requests to it
requested  the languages that a request names
retries    ways to ask again, and reminders in the requested language
rates      how many answers were off-target, by direction
answers    answers of the other server, read and passed on
proxy      the application
"""
