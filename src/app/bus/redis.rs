//! The bus over Redis: its publish and subscribe, on one connection that speaks RESP3 (Redis 6 or later), and a stream for each
//! channel of which anything is kept.
//!
//! What is kept is published and put into its stream in one transaction. So whoever has read a stream, and then has an answer to anything
//! on the connection it listens on, has heard everything in it before, but for what was published before it listened. Streams are read on
//! a connection of their own: Redis closes one that listens where an answer is long.

mod streams;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, Pipeline,
    ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError, Value,
};

use super::Target;
use super::inbox::Slot;
use super::link::Job;
use super::password::tamed;
use crate::channel::{Keep, Sheet, Topic};

/// How long the other end has for each answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Names in one command.
const NAMES: usize = 1000;
/// Milliseconds that a stream stays behind its last message, where no time is said: a day.
const STAY: u64 = 86_400_000;

/// A connection, and another one to read streams on.
pub(super) struct Redis {
    connection: MultiplexedConnection,
    client: Client,
    reader: Option<MultiplexedConnection>,
    names: Names,
    /// It was said already that it keeps nothing.
    complained: bool,
}

/// How topics are named there. Redis does not keep the messages of its databases apart: their number is part of the name.
struct Names(String);

impl Names {
    fn of(&self, topic: &Topic) -> String {
        let Names(prefix) = self;
        match topic {
            Topic::All => format!("{prefix}all"),
            Topic::Of(channel) => format!("{prefix}of:{channel}"),
            Topic::Kept(channel) => format!("{prefix}kept:{channel}"),
        }
    }

    /// The stream of what is kept of a channel.
    fn stream(&self, channel: &str) -> String {
        let Names(prefix) = self;
        format!("{prefix}history:{channel}")
    }

    fn all_of(&self, channels: &[Arc<str>]) -> Vec<String> {
        channels.iter().map(|channel| self.of(&Topic::Of(Arc::clone(channel)))).collect()
    }
}

impl Redis {
    pub(super) async fn connect(
        target: &Target,
        database: u16,
        tls: bool,
        channels: &[Arc<str>],
        slot: Slot,
    ) -> Result<Redis, String> {
        let bus = &target.bus;
        let (host, port) = (bus.host.clone(), bus.port);
        let address = match tls {
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, port),
        };
        let mut login = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(database.into())
            .set_skip_set_lib_name();
        if let Some(user) = &bus.user {
            login = login.set_username(user);
        }
        if let Some(password) = &target.password {
            login = login.set_password(&password.0);
        }
        let info = address.into_connection_info().map_err(shown)?.set_redis_settings(login);
        let client = Client::open(info).map_err(shown)?;
        let config = patience().set_push_sender(move |pushed| receive(&slot, pushed));
        let connected = client.get_multiplexed_async_connection_with_config(&config).await;
        let names = Names(format!("{}{database}:", bus.prefix));
        let connection = connected.map_err(shown)?;
        let mut redis = Redis { connection, client, reader: None, names, complained: false };
        let kept = redis.names.of(&Topic::Kept("*".into()));
        redis.connection.psubscribe(kept).await.map_err(shown)?;
        redis.connection.subscribe(redis.names.of(&Topic::All)).await.map_err(shown)?;
        redis.listen(channels).await?;
        Ok(redis)
    }

    async fn listen(&mut self, channels: &[Arc<str>]) -> Result<(), String> {
        for some in channels.chunks(NAMES) {
            match self.connection.subscribe(self.names.all_of(some)).await {
                Err(error) if is_forbidden(&error) => self.listen_singly(some).await?,
                heard => heard.map_err(shown)?,
            }
        }
        Ok(())
    }

    /// Where we may not listen to all of them, then to the others.
    async fn listen_singly(&mut self, channels: &[Arc<str>]) -> Result<(), String> {
        for channel in channels {
            match self.connection.subscribe(self.names.of(&Topic::Of(Arc::clone(channel)))).await {
                Err(error) if is_forbidden(&error) => {
                    tracing::warn!(%channel, "the bus does not let us listen to a channel");
                }
                heard => heard.map_err(shown)?,
            }
        }
        Ok(())
    }

    pub(super) async fn perform(&mut self, job: &Job) -> Result<(), String> {
        self.listen(&job.on).await?;
        for some in job.off.chunks(NAMES) {
            let names = self.names.all_of(some);
            self.connection.unsubscribe(names).await.map_err(shown)?;
        }
        if job.sheets.is_empty() {
            return Ok(());
        }
        if job.sheets.iter().any(|sheet| sheet.keep.is_some()) {
            let pipe = self.saying(&job.sheets, true);
            match pipe.query_async::<()>(&mut self.connection).await {
                Err(error) if is_refusal(&error) => self.complain(&error),
                done => return done.map_err(shown),
            }
        }
        // Where it keeps nothing, it may carry it all the same. Who hears it twice knows it.
        let pipe = self.saying(&job.sheets, false);
        pipe.query_async::<()>(&mut self.connection).await.map_err(shown)
    }

    fn saying(&self, sheets: &[Sheet], keeping: bool) -> Pipeline {
        let mut pipe = redis::pipe();
        if keeping {
            pipe.atomic();
        }
        for Sheet { topic, bytes, keep } in sheets {
            pipe.cmd("PUBLISH").arg(self.names.of(topic)).arg(bytes).ignore();
            if let (Topic::Kept(channel), Some(Keep { messages, age }), true) =
                (topic, keep, keeping)
            {
                let stream = self.names.stream(channel);
                pipe.cmd("XADD").arg(&stream).arg("MAXLEN").arg("~").arg(*messages);
                pipe.arg("*").arg("said").arg(bytes).ignore();
                pipe.cmd("PEXPIRE").arg(&stream).arg(age.unwrap_or(STAY)).ignore();
            }
        }
        pipe
    }

    fn complain(&mut self, error: &RedisError) {
        if !std::mem::replace(&mut self.complained, true) {
            let why = tamed(&shown(error), None);
            tracing::warn!("the bus does not keep what is published, or does not show it: {why}");
        }
    }
}

/// How long we wait for it.
fn patience() -> AsyncConnectionConfig {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE));
    config.set_response_timeout(Some(PATIENCE))
}

/// Whether it is a command that was refused: the connection is as good as before.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// What comes unasked.
fn receive(slot: &Slot, pushed: PushInfo) -> Result<(), SendError> {
    match pushed.kind {
        PushKind::Message | PushKind::PMessage => match pushed.data.into_iter().last() {
            Some(Value::BulkString(packet)) => slot.put(packet),
            // It is no packet, whoever has sent it.
            _ => slot.put(Vec::new()),
        },
        PushKind::Disconnection => slot.end("it has closed".to_owned()),
        _ => {}
    }
    Ok(())
}

/// Whether Redis has heard us and does not allow it.
fn is_forbidden(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
}

fn shown(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_name_of_its_own() {
        let names = Names("chat:0:".to_owned());
        assert_eq!(names.stream("a.b"), "chat:0:history:a.b");
        assert_eq!(names.of(&Topic::Kept("a.b".into())), "chat:0:kept:a.b");
    }
}
