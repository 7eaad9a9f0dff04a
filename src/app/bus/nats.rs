//! The bus over NATS: a subject for each channel.
//!
//! NATS confirms nothing of what is published. So behind it goes a mark on a subject of our own: the server keeps to the order of a
//! connection, and once the mark has come back it has everything.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::StreamExt as _;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Target;
use super::inbox::Slot;
use super::link::Job;
use crate::channel::{InstanceId, Topic};

/// How long the other end has for each answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct Nats {
    client: Client,
    names: Names,
    slot: Slot,
    /// Who carries what comes from each channel.
    channels: HashMap<Arc<str>, JoinHandle<()>>,
    fixed: Vec<JoinHandle<()>>,
    marks: Subscriber,
    mark: String,
    marked: u64,
}

/// How topics are named there.
struct Names(String);

impl Names {
    /// A dot in a channel's name would part a subject, and not everywhere may it be parted.
    fn of(&self, topic: &Topic) -> String {
        let Names(prefix) = self;
        match topic {
            Topic::All => format!("{prefix}all"),
            Topic::Of(channel) => format!("{prefix}of.{}", channel.replace('.', "/")),
            Topic::Kept(channel) => format!("{prefix}kept.{}", channel.replace('.', "/")),
        }
    }
}

impl Nats {
    pub(super) async fn connect(
        target: &Target,
        me: &InstanceId,
        channels: &[Arc<str>],
        slot: Slot,
    ) -> Result<Nats, String> {
        let told = slot.clone();
        let mut options = ConnectOptions::new()
            .name("tidegate")
            .connection_timeout(PATIENCE)
            .ping_interval(PATIENCE)
            .ignore_discovered_servers()
            .max_reconnects(1)
            .event_callback(move |event| tell(told.clone(), event));
        options = match (&target.bus.user, &target.password) {
            (Some(user), Some(password)) => {
                options.user_and_password(user.clone(), password.0.clone())
            }
            (Some(token), None) => options.token(token.clone()),
            (None, Some(token)) => options.token(token.0.clone()),
            (None, None) => options,
        };
        let connected = timeout(PATIENCE, options.connect(target.bus.to_string())).await;
        let client = connected.map_err(late)?.map_err(|error| error.to_string())?;
        let names = Names(target.bus.prefix.clone());
        let hexadecimal: String = me.iter().map(|byte| format!("{byte:02x}")).collect();
        let mark = format!("{}mark.{hexadecimal}", target.bus.prefix);
        let marks = subscribe(&client, mark.clone()).await?;
        let (channels_of, fixed) = (HashMap::new(), Vec::new());
        let mut nats =
            Nats { client, names, slot, channels: channels_of, fixed, marks, mark, marked: 0 };
        for subject in [nats.names.of(&Topic::All), format!("{}kept.>", target.bus.prefix)] {
            let carrier = nats.carry(subject).await?;
            nats.fixed.push(carrier);
        }
        nats.listen(channels).await?;
        nats.settle().await?;
        Ok(nats)
    }

    async fn carry(&self, subject: String) -> Result<JoinHandle<()>, String> {
        let mut subscriber = subscribe(&self.client, subject).await?;
        let slot = self.slot.clone();
        Ok(tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                slot.put(message.payload.into());
            }
        }))
    }

    async fn listen(&mut self, channels: &[Arc<str>]) -> Result<(), String> {
        for channel in channels {
            let carrier = self.carry(self.names.of(&Topic::Of(Arc::clone(channel)))).await?;
            if let Some(former) = self.channels.insert(Arc::clone(channel), carrier) {
                former.abort();
            }
        }
        Ok(())
    }

    pub(super) async fn perform(&mut self, job: &Job) -> Result<(), String> {
        self.listen(&job.on).await?;
        for channel in &job.off {
            if let Some(carrier) = self.channels.remove(channel) {
                carrier.abort();
            }
        }
        for sheet in &job.sheets {
            let (subject, bytes) = (self.names.of(&sheet.topic), sheet.bytes.clone());
            self.client.publish(subject, bytes.into()).await.map_err(|error| error.to_string())?;
        }
        self.settle().await
    }

    /// Waits until the server has everything that was said.
    async fn settle(&mut self) -> Result<(), String> {
        self.marked += 1;
        let number = self.marked.to_be_bytes();
        let said = self.client.publish(self.mark.clone(), number.to_vec().into()).await;
        said.map_err(|error| error.to_string())?;
        timeout(PATIENCE, async {
            loop {
                match self.marks.next().await {
                    Some(message) if *message.payload == number => return Ok(()),
                    Some(_) => {}
                    None => return Err("it has closed".to_owned()),
                }
            }
        })
        .await
        .map_err(late)?
    }

    pub(super) fn most(&self) -> usize {
        self.client.max_payload()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.channels.values().chain(&self.fixed).for_each(JoinHandle::abort);
    }
}

async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, String> {
    client.subscribe(subject).await.map_err(|error| error.to_string())
}

/// What the client says of its connection. We make another one ourselves.
async fn tell(slot: Slot, event: Event) {
    match event {
        Event::Disconnected | Event::Closed => slot.end("it has closed".to_owned()),
        Event::SlowConsumer(_) => slot.spill(),
        Event::ServerError(error) => slot.end(error.to_string()),
        Event::ClientError(error) => slot.end(error.to_string()),
        Event::Connected | Event::LameDuckMode | Event::Draining => {}
    }
}

fn late(_: tokio::time::error::Elapsed) -> String {
    format!("nothing came for {} s", PATIENCE.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_channel_makes_a_subject_of_its_own() {
        let names = Names("tidegate.".to_owned());
        assert_eq!(names.of(&Topic::All), "tidegate.all");
        assert_eq!(names.of(&Topic::Of("a".into())), "tidegate.of.a");
        assert_eq!(names.of(&Topic::Of(".a..b:c_d-".into())), "tidegate.of./a//b:c_d-");
        assert_eq!(names.of(&Topic::Kept("a.b".into())), "tidegate.kept.a/b");
    }
}
