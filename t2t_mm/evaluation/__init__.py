"""Scoring: metrics of decoded and of teacher-forced outputs, baselines, tables."""
