"""Translation behind one Protocol: samples in, hypotheses out.

base                `Translator`, the Protocol, what it returns, and how to search
backends            the translator of a model: the only place that names a backend
resume              translation that resumes after a kill
hf                  a Hugging Face model in this process
ways                ways to stay on target while decoding
conversion          models converted once for CTranslate2, in a cache
ctranslate2_models  a converted model in this process
servers             OpenAI-compatible servers, llama.cpp among them
cluster             a Ray cluster, whose workers each have a model
vllm                vLLM on a GPU
"""
