"""Servers: `serve` answers with a model, `guard` stands before another one, `play` is a page.

batching  concurrent requests in one batch; a bounded queue
engine    requests to tokens, batches to answers, with a model of this process
api       the application of `serve` and its routes
guard     the server in front of another one
play      one page with the systems of a run side by side
judging   the language of an answer, and whether it is the requested one
limits    bodies, headers and connections: how large, how slow, how many
security  tokens, and who may listen where
metrics   what Prometheus reads
running   a server from start to stop
"""
