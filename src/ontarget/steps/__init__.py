"""The method, one file a step. Steps meet only through the files they write.

s0_base           a stand-in for a pretrained LLM, made from nothing (the demo)
s1_prepare        the corpus as samples
s2_conflict       a conflict sample for each training sample
s3_mle            the paper's stage 1: maximum likelihood
s3_synthesize     for stage 2: pairs of zero-shot directions that the model makes itself
s4_unlikelihood   the paper's stage 2: MLE plus unlikelihood on conflict samples
s4_control        the control: stage 1 continued for stage 2's compute
s5_translate      the test set, translated by each system
s6_evaluate       off-target ratio, BLEU and chrF of each system and direction
s7_report         the run as a page and as Markdown
"""
