"""Translation by OpenAI-compatible servers.

translator   the Translator that asks a server
requests     one request: bounded, with retries, without redirects
completions  requests and answers of the OpenAI API
gguf         llama.cpp with a .gguf file, through its server or its library
"""
