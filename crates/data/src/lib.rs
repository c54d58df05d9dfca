//! Data sets of photos: folders, held-out parts, and scores over predictions.
