"""Outside programs in environments of their own, because their libraries conflict with ours.

environments   finding a program, its version and its environment variables
running        one call: files in, files out, and no process left behind
"""
