"""Training of the second autoencoder.

Everything here runs with torch, numpy, cv2 and safetensors alone; reading clips for a pack, which
is done once and elsewhere, needs PyAV too.
"""
