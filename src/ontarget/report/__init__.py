"""The report of a run, and every other rendering of results.

figures     what pages draw, as plain data
render      results as text, Markdown, LaTeX and JSON
assets      what all HTML pages share: templates, scripts, styles, the policy
page        the HTML page (templates/) and its Markdown version
audit_page  the page of an audit of training pairs, and its table for the terminal
"""
