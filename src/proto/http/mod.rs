//! Version-neutral HTTP: methods, fields, bodies, status codes, canonical paths.
