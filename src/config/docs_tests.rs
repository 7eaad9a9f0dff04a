//! Tests of the generated documents.
