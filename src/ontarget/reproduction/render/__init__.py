"""The figures of a reproduction beside the published ones.

cells      figures as cells of tables
sections   tables of rows
sweeps     tables of sweeps, and the curve over steps
page       all of it as Markdown, JSON or text
"""
