"""Fuzzing of all that reads what users hand in: `python -m benchmarks.fuzzing`; docs/reliability.md

runner   inputs in a child process with bounds;  target  what a target is;  mutation  damage, seeded
sources  files that a problems file names;  balance  read = kept + dropped + refused
media    sounds and pictures;  settings  problems files and hparams;  requests  REST bodies
folders  checkpoints, run.json, manifests, vocabularies, TFDS folders, exports
"""
