"""Who makes the shards of an audit; the result does not depend on it, to the byte.

base   what an engine is, and this process as one
local  several processes of this machine
"""
