"""What TensorFlow Serving needs beside the SavedModels: configs, a compose file, warm-up."""
