"""How an optimizer step is computed.

sharding   weights that FSDP2 or ZeRO-3 split over processes
compile    `torch.compile` for the layers of a model
muon       the Muon optimizer for small models on CPUs
"""
