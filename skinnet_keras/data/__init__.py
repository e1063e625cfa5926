"""Data: readers, catalogue, image cache, augmentation, input pipeline, generated lesions."""
