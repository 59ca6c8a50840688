"""The report of a run, and every other rendering of results.

figures   what the page draws, as plain data
render    results as text, Markdown, LaTeX and JSON
page      the HTML page (templates/) and its Markdown version
"""
