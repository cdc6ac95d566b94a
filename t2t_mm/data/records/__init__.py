"""TFRecord files and their manifests: written, indexed, read."""
