"""vLLM on a GPU: the engine, ways to stay on target inside it, and adapters.

engine     the translator, and how the engine is started
ways       Anti-LM and the vocabulary mask as steps of a request
processor  the class that vLLM loads to follow these steps
lora       adapters that vLLM adds while it decodes
"""
