//! Publishes a figure every second, as an app behind the router would: by POST.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Between two figures.
const PACE: Duration = Duration::from_secs(1);
/// How long the router may take to accept one.
const PATIENCE: Duration = Duration::from_secs(5);

/// A thread that counts; dropped, it ends and its socket's folder is gone.
#[derive(Debug)]
pub struct Ticker {
    folder: TempDir,
    running: Option<(Sender<()>, thread::JoinHandle<()>)>,
}

impl Ticker {
    /// Begins to count. Figures that nobody takes yet are lost.
    ///
    /// # Errors
    /// When there is no place for its socket, or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tidegate-demo-").tempdir_in(place())?;
        let door = socket(&folder);
        let (running, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("demo-ticker".to_owned()).spawn(move || {
            let begin = Instant::now();
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                // Before the router listens and after it has ended nobody does.
                drop(publish(&door, begin.elapsed().as_secs()));
            }
        })?;
        Ok(Self { folder, running: Some((running, thread)) })
    }

    /// Where the router has to listen for it, as a listener is written.
    pub fn door(&self) -> String {
        format!("unix:{}", socket(&self.folder).display())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some((running, thread)) = self.running.take() {
            drop(running);
            // A panic of the thread was reported where it happened.
            drop(thread.join());
        }
        // The router leaves its socket to whoever is next where it may not remove it.
        drop(fs::remove_file(socket(&self.folder)));
    }
}

/// Where temporary files are, unless a configuration would have to quote that.
fn place() -> PathBuf {
    let place = std::env::temp_dir();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let is_plain = place.as_os_str().as_encoded_bytes().iter().all(plain);
    if is_plain { place } else { "/tmp".into() }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("ticker.sock")
}

/// Publishes one figure and waits until it is taken.
fn publish(door: &Path, count: u64) -> io::Result<()> {
    let mut stream = UnixStream::connect(door)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let body = count.to_string();
    write!(
        stream,
        "POST /publish/counter HTTP/1.1\r\nHost: tidegate\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    io::copy(&mut stream.take(4096), &mut io::sink())?;
    Ok(())
}
