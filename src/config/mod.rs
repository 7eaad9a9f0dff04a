//! From ini text to values with their places; no file but its own.
