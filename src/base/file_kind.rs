//! What a path may lead to.

/// What a path may lead to. Symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Anything.
    Any,
    /// A regular file.
    File,
    /// A directory.
    Directory,
}
