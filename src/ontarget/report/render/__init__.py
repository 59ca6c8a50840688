"""Results as text, Markdown, LaTeX and JSON.

formatting    numbers, escaping, Markdown tables and plain-text tables
tables        scores of a run: one row per system, or per system and direction
evaluation    `ontarget evaluate` of hypothesis files: text and JSON
lcb           `ontarget lcb`: text, JSON and the public script's table
calibration   `ontarget calibrate`: Markdown and JSON
comparison    `ontarget compare`: Markdown, LaTeX and JSON
"""
