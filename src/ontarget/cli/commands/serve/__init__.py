"""A model as a server, and a server in front of another one.

model    `serve`
guard    `guard`
options  what both commands have in common
"""
