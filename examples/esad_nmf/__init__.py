"""The experiment of the paper on ESAD-NMF, repeated: one module for every part of it."""
