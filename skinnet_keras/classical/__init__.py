"""Classical baselines: hand-made features, then SVM, k nearest neighbours or a perceptron."""
