"""Hybrid training: gradients move the weights while evolution moves the mask, beside pure evolution and gradient rivals.

Source: Lenc, Elsen, Schaul & Simonyan (2019), "Non-differentiable supervised learning with evolution strategies and hybrid
methods".
"""
