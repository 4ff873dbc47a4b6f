"""Models behind diffusers' interfaces, and the bundles they come in."""
