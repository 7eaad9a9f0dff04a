//! The admin socket: HTTP/1.1 and JSON, for `tidegate ctl` and curl.
//!
//! ```text
//! ctl, curl --> thread admin-N: read_request --> Wish --> Office --mail--> workers
//!                               answer      <-- JSON <------------mail----'
//! ```
//!
//! A few threads of its own wait for whoever asks; workers never do. They answer by mail, in pieces, and
//! one that does not answer within a second is left out and named.

mod answer;
mod office;
mod request;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::PollFlags;

use super::line::{Line, wait};
use crate::base::Address;
use crate::config::{ADMIN_DEFAULT, Admin};
use crate::reactor::{AcceptFault, BindError, ListenOptions, Listener, Stream};

pub(super) use office::Office;

/// Who asks at the same time; more wait in the kernel.
const THREADS: usize = 2;
const BACKLOG: u32 = 64;
/// How long a whole answer may take, workers and whoever asked together.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long accepting rests when there are no descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The bound socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct AdminSocket {
    listener: Arc<Listener>,
}

impl AdminSocket {
    /// Binds it, where one is wanted, for `owner`. The default one is not worth failing for.
    ///
    /// # Errors
    /// When an address that was asked for cannot be listened on.
    pub(super) fn open(
        admin: &Admin,
        owner: (Option<u32>, Option<u32>),
    ) -> Result<Option<AdminSocket>, BindError> {
        let options = ListenOptions { backlog: BACKLOG, mode: Some(0o600), owner };
        let bound = match admin {
            Admin::Off => return Ok(None),
            Admin::At(address) => Listener::bind(address, &options)?,
            Admin::Default => {
                match Listener::bind(&Address::Unix(ADMIN_DEFAULT.into()), &options) {
                    Ok(listener) => listener,
                    Err(error) => {
                        tracing::info!(
                            "no admin socket: {error}; admin = ADDR makes one elsewhere"
                        );
                        return Ok(None);
                    }
                }
            }
        };
        match bound.local() {
            crate::reactor::Peer::Ip(address) => tracing::info!("the admin socket is {address}"),
            crate::reactor::Peer::Unix => tracing::info!("the admin socket is {}", bound.address()),
        }
        Ok(Some(AdminSocket { listener: Arc::new(bound) }))
    }

    /// Answers whoever asks, on threads of its own.
    ///
    /// # Errors
    /// When there are no threads to be had.
    pub(super) fn serve(&self, office: Office) -> io::Result<()> {
        let office = Arc::new(office);
        for index in 0..THREADS {
            let (listener, office) = (Arc::clone(&self.listener), Arc::clone(&office));
            let serve = move || serve(&listener, &office);
            std::thread::Builder::new().name(format!("admin-{index}")).spawn(serve)?;
        }
        Ok(())
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        self.listener.unlink();
    }
}

fn serve(listener: &Listener, office: &Office) {
    loop {
        let accepted =
            wait_for(listener).and_then(|()| listener.accept()).map(|(stream, _)| stream);
        match accepted {
            Ok(stream) => converse(stream, listener, office),
            Err(error) => match AcceptFault::of(&error) {
                AcceptFault::Blocked | AcceptFault::Client => {}
                AcceptFault::Exhausted => std::thread::sleep(PAUSE),
                AcceptFault::Broken => {
                    return tracing::error!(%error, "the admin socket is broken");
                }
            },
        }
    }
}

fn wait_for(listener: &Listener) -> io::Result<()> {
    use std::os::fd::AsFd;
    wait(listener.as_fd(), PollFlags::IN, None).map(|_| ())
}

/// One connection: one request and its answer.
fn converse(stream: Stream, listener: &Listener, office: &Office) {
    let mut line = Line::new(stream, PATIENCE);
    if !may_ask(&line, listener.address()) {
        return;
    }
    let is_tcp = listener.local().ip().is_some();
    // Whoever asked may have gone: then nobody is left to be told.
    let _ = match request::read_request(&mut line, is_tcp) {
        Ok(Some(request)) => {
            line.allow(PATIENCE);
            office.answer(&request, &mut line)
        }
        Ok(None) => return,
        Err(refusal) => answer::refuse(&refusal, &mut line),
    };
    answer::finish(&mut line);
}

/// A name in the abstract namespace has no owner and no mode: only the same user and root may ask there.
fn may_ask(line: &Line, address: &Address) -> bool {
    if !matches!(address, Address::Abstract(_)) {
        return true;
    }
    let owner = rustix::process::geteuid();
    let is_one_of_us = rustix::net::sockopt::socket_peercred(line)
        .is_ok_and(|peer| peer.uid == owner || peer.uid.is_root());
    if !is_one_of_us {
        tracing::warn!("admin: another user may not ask on {address}");
    }
    is_one_of_us
}
