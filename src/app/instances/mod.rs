//! Other instances: a thread of its own that is linked to them, tells them what is published here, and hubs what is published
//! there.
//!
//! ```text
//! workers --Bulletin--> [ thread instances: Instances decides, Wire carries ] <==TLS==> the same elsewhere
//!         <--Letter---
//! ```

mod dialler;
mod line;
mod secret;
mod wire;

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::{Interest, Poll, Token, Waker};

use super::boot::BootError;
use crate::base::{Address, Clock, Rng};
use crate::channel::{Bulletin, InstanceId, Instances};
use crate::config::Config;
use crate::proto::instances::Secret;
use crate::reactor::{Mailbox, Names, SecureTerms, Sender, unforeseen};
use crate::session::admin::InstancesStatus;
use crate::worker::Mail;

use dialler::Dialler;
use line::Line;
pub(super) use secret::load as load_secret;

/// Bulletins the mailbox has room for.
const MAILBOX: usize = 4096;
/// How long the end waits until everything is told.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

const MAIL: Token = Token(0);
const DOOR: Token = Token(1);

/// Everything that may fail is done; the thread is not started.
pub(super) struct Prepared {
    listener: Option<TcpListener>,
    terms: SecureTerms,
    poll: Poll,
    sender: Sender<Bulletin>,
    mailbox: Mailbox<Bulletin>,
    me: InstanceId,
    board: Board,
}

/// What is shown of it.
pub(super) type Board = Arc<Mutex<InstancesStatus>>;

/// The thread, to be ended.
pub(super) struct Running {
    sender: Sender<Bulletin>,
    thread: JoinHandle<()>,
}

/// Listens, where that is wanted. `None` where there are no other instances.
///
/// # Errors
/// When it cannot listen, or the system refuses something.
pub(super) fn prepare(config: &Config) -> Result<Option<Prepared>, BootError> {
    if !config.instances.is_any() {
        return Ok(None);
    }
    let system = |error| BootError::System("cannot prepare links to other instances", error);
    let listen = config.instances.listen.as_ref();
    let listener = listen.map(|address| bind(&address.value)).transpose()?;
    if let Some(address) = listener.as_ref().and_then(|listener| listener.local_addr().ok()) {
        tracing::info!("waiting for other instances at {address}");
    }
    let terms = terms().map_err(system)?;
    let me = unforeseen().map_err(system)?;
    let poll = Poll::new().map_err(system)?;
    let waker = Waker::new(poll.registry(), MAIL).map_err(system)?;
    let (sender, mailbox) = Mailbox::new(MAILBOX, Arc::new(waker));
    let board = Arc::new(Mutex::new(InstancesStatus { me, ..InstancesStatus::default() }));
    Ok(Some(Prepared { listener, terms, poll, sender, mailbox, me, board }))
}

fn bind(address: &Address) -> Result<TcpListener, BootError> {
    let bound = match address {
        Address::Ip(address) => TcpListener::bind(address),
        Address::Name { host, port } => TcpListener::bind((host.as_str(), *port)),
        Address::Unix(_) | Address::Abstract(_) => Err(io::ErrorKind::Unsupported.into()),
    };
    let bound = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    bound.map_err(|error| BootError::Instances(address.to_string(), error))
}

/// A certificate for this process.
fn terms() -> io::Result<SecureTerms> {
    let made = rcgen::generate_simple_self_signed(vec!["instance.tidegate.invalid".to_owned()]);
    let rcgen::CertifiedKey { cert, signing_key } = made.map_err(io::Error::other)?;
    SecureTerms::new(cert.der().to_vec(), signing_key.serialize_der()).map_err(io::Error::other)
}

impl Prepared {
    /// Where workers tell what is published.
    pub(super) fn sender(&self) -> &Sender<Bulletin> {
        &self.sender
    }

    /// What is shown of it.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Begins to talk to the others.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(
        self,
        config: &Config,
        secret: Secret,
        names: Option<&Names>,
        workers: Vec<Sender<Mail>>,
    ) -> io::Result<Running> {
        let Prepared { listener, terms, poll, sender, mailbox, me, board } = self;
        let peers: Vec<Address> =
            config.instances.peers.iter().map(|peer| peer.value.clone()).collect();
        let mut listener = listener.map(mio::net::TcpListener::from_std);
        if let Some(listener) = &mut listener {
            poll.registry().register(listener, DOOR, Interest::READABLE)?;
        }
        let dialler = Dialler::new(&peers, names, Rng::from_system());
        let instances = Instances::new(me);
        let line = Line::new(line::Parts {
            instances,
            dialler,
            listener,
            terms,
            secret,
            poll,
            mailbox,
            workers,
            board,
            clock: Clock::new(),
        });
        let builder = std::thread::Builder::new().name("instances".into());
        let thread = builder.spawn(move || line.run())?;
        Ok(Running { sender, thread })
    }
}

impl Running {
    /// Tells the others that this one ends.
    pub(super) fn end(self) {
        // A thread that has ended needs no telling.
        let _ = self.sender.send_waiting(Bulletin::End);
        let _ = self.thread.join();
    }
}

/// How it stands.
pub(super) fn status(board: &Board) -> InstancesStatus {
    board.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
