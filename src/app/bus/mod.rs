//! The bus, where many instances share their channels: a thread of its own that says there what is published here, and tells hubs
//! what is said there.
//!
//! ```text
//! workers --Bulletin--> [ thread bus: Bus decides, Link carries ] <==TCP or TLS==> Redis or NATS
//!         <--Letter---
//! ```
//!
//! The thread has a runtime of its own, for that is what the clients of these engines want; nothing else in the process has one,
//! and without `channel-bus` there is neither.

mod inbox;
mod line;
mod link;
mod nats;
mod password;
mod redis;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::Notify;

use super::boot::BootError;
use crate::base::Rng;
use crate::channel::{Bulletin, InstanceId};
use crate::config;
use crate::reactor::{Mailbox, Sender, Wake, unforeseen};
use crate::session::admin::BusStatus;
use crate::worker::Mail;

use line::Line;
pub(super) use password::load;

/// Bulletins the mailbox has room for.
const MAILBOX: usize = 4096;

/// Where the bus is and how we get in.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) bus: config::Bus,
    pub(super) password: Option<config::Secretive>,
}

impl Target {
    /// Whether it keeps what is published.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.bus.engine, config::Engine::Redis { .. })
    }
}

/// What is shown of it.
pub(super) type Board = Arc<Mutex<BusStatus>>;

/// Everything that may fail is done; the thread is not started.
pub(super) struct Prepared {
    bell: Arc<Bell>,
    sender: Sender<Bulletin>,
    mailbox: Mailbox<Bulletin>,
    me: InstanceId,
    board: Board,
}

/// What workers wake the thread by.
#[derive(Debug, Default)]
pub(super) struct Bell(Notify);

impl Wake for Bell {
    fn wake(&self) -> io::Result<()> {
        self.0.notify_one();
        Ok(())
    }
}

/// The thread, to be ended.
pub(super) struct Running {
    sender: Sender<Bulletin>,
    thread: JoinHandle<()>,
}

/// Gets ready, where there is a bus.
///
/// # Errors
/// When the system refuses something.
pub(super) fn prepare(target: Option<&Target>) -> Result<Option<Prepared>, BootError> {
    let Some(target) = target else { return Ok(None) };
    let system = |error| BootError::System("cannot prepare the way to channel-bus", error);
    let me = unforeseen().map_err(system)?;
    let bell = Arc::new(Bell::default());
    let (sender, mailbox) = Mailbox::new(MAILBOX, Arc::<Bell>::clone(&bell));
    let address = target.bus.to_string();
    let board = Arc::new(Mutex::new(BusStatus { me, address, ..BusStatus::default() }));
    Ok(Some(Prepared { bell, sender, mailbox, me, board }))
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

    /// Goes there.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(self, target: Target, workers: Vec<Sender<Mail>>) -> io::Result<Running> {
        let Prepared { bell, sender, mailbox, me, board } = self;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let builder = std::thread::Builder::new().name("bus".into());
        let thread = builder.spawn(move || {
            let rng = Rng::from_system();
            let parts = line::Parts { me, target, bell, mailbox, workers, board, rng };
            runtime.block_on(async { Line::new(parts).run().await });
            // A look-up of a name that goes on is not waited for.
            runtime.shutdown_background();
        })?;
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
pub(super) fn status(board: &Board) -> BusStatus {
    board.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
