"""Clients of exported models: TensorFlow Serving and the web page."""
