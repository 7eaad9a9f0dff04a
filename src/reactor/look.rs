//! Looking what a path leads to.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::base::FileKind;

/// Whether there is something of this kind at `path`. Waits for the disk; what may not be looked at is not there.
pub fn leads_to(path: &[u8], kind: FileKind) -> bool {
    fs::metadata(OsStr::from_bytes(path)).is_ok_and(|found| match kind {
        FileKind::Any => true,
        FileKind::File => found.is_file(),
        FileKind::Directory => found.is_dir(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink(".", path("link")).unwrap();
        std::os::unix::fs::symlink("nothing", path("dangling")).unwrap();
        for (name, kinds) in [
            ("file", [true, true, false]),
            ("link", [true, false, true]),
            ("dangling", [false; 3]),
            ("none", [false; 3]),
            ("a\0b", [false; 3]),
        ] {
            let all = [FileKind::Any, FileKind::File, FileKind::Directory];
            let found = all.map(|kind| leads_to(path(name).as_os_str().as_bytes(), kind));
            assert_eq!(found, kinds, "{name}");
        }
    }
}
