"""Running the notebooks, and showing what their manifests say that they found; no notebook imports this."""
