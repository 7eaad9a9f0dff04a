//! What a configuration may ask of the process it is read in.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The environment, the host and the files, as far as a configuration can see them. Tests put
/// their own in place of the real ones.
pub struct Surroundings {
    /// `$(NAME)`.
    pub variable: fn(&str) -> Option<String>,
    /// Whether there is a directory (`true`) or anything else (`false`) of this name.
    pub is_directory: fn(&Path) -> Option<bool>,
    /// Reads an included file.
    pub read: fn(&Path) -> io::Result<Vec<u8>>,
    /// `%h`.
    pub host: String,
    /// `%k`.
    pub cores: usize,
    /// What relative names of files start from.
    pub directory: PathBuf,
}

/// The longest file that is read, in bytes.
const FILE_MAX: u64 = 16 << 20;

impl Surroundings {
    /// Those of this process.
    pub fn real() -> Surroundings {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Surroundings {
            variable: |name| std::env::var(name).ok(),
            is_directory: |path| Some(std::fs::metadata(path).ok()?.is_dir()),
            read: read_file,
            host,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            directory: std::env::current_dir().unwrap_or_else(|_| "/".into()),
        }
    }

    /// None: no variables, no files, a host called `localhost` with one core.
    pub fn none() -> Surroundings {
        Surroundings {
            variable: |_| None,
            is_directory: |_| None,
            read: |_| Err(io::ErrorKind::NotFound.into()),
            host: "localhost".into(),
            cores: 1,
            directory: "/".into(),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("host", &self.host).finish_non_exhaustive()
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 16 MiB"));
    }
    Ok(bytes)
}

/// The reason of an error as a sentence has it: `no such file or directory`.
pub(super) fn reason(error: &io::Error) -> String {
    let text = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::IsADirectory => "it is a directory".into(),
        _ => error.to_string(),
    };
    text.trim_end_matches('.').into()
}
