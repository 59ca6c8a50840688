"""Translation behind one Protocol: samples in, texts out.

base        `Translator`, the Protocol, and how to search
backends    the translator of a model: the only place that names a backend
hf          a Hugging Face model in this process
"""
