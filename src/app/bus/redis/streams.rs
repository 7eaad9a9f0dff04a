//! Reading what Redis keeps: a stream for each channel.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};

use super::super::link::Story;
use super::{Redis, is_refusal, patience, shown};

/// Bytes that are read of streams in one job, about, and of each; and how long that may take, about: others wait for it.
const READ: usize = 16 << 20;
const TIME: Duration = Duration::from_secs(1);
/// Messages that are read at once, at first and as long as they are short, and how many bytes that is.
const PAGE: usize = 4;
const PAGE_MOST: usize = 16;
const SHORT: usize = 64 << 10;
/// What an entry takes besides what it says.
const OVERHEAD: usize = 200;

impl Redis {
    /// Reads what is kept of the first of these channels, or of all.
    pub(in super::super) async fn recall(
        &mut self,
        channels: &[Arc<str>],
    ) -> Result<Vec<Story>, String> {
        let mut stories = Vec::new();
        if channels.is_empty() {
            return Ok(stories);
        }
        if let Err(error) = self.read_all(channels, &mut stories).await {
            // What is said and heard goes on: that is another connection.
            self.reader = None;
            self.complain(&error);
            let rest = channels.iter().skip(stories.len());
            stories.extend(
                rest.map(|channel| Story { channel: Arc::clone(channel), entries: Vec::new() }),
            );
        }
        match redis::cmd("PING").query_async::<()>(&mut self.connection).await {
            Err(error) if !is_refusal(&error) => Err(shown(error)),
            // An answer is an answer: what was said before is there.
            _ => Ok(stories),
        }
    }

    async fn read_all(
        &mut self,
        channels: &[Arc<str>],
        stories: &mut Vec<Story>,
    ) -> Result<(), RedisError> {
        let until = Instant::now() + TIME;
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.client.get_multiplexed_async_connection_with_config(&patience()).await?,
        };
        let mut pipe = redis::pipe();
        for channel in channels {
            pipe.cmd("EXISTS").arg(self.names.stream(channel));
        }
        let there: Vec<bool> = pipe.query_async(&mut reader).await?;
        let mut size = 0;
        for (channel, is_there) in channels.iter().zip(there) {
            if size >= READ || Instant::now() >= until {
                break;
            }
            let mut entries = Vec::new();
            if is_there {
                match read(&mut reader, &self.names.stream(channel), until).await {
                    Err(error) if is_refusal(&error) => self.complain(&error),
                    found => entries = found?,
                }
                size += entries.iter().map(|(_, bytes)| bytes.len() + OVERHEAD).sum::<usize>();
            }
            stories.push(Story { channel: Arc::clone(channel), entries });
        }
        self.reader = Some(reader);
        Ok(())
    }
}

/// Reads a stream backwards, from its end as far as it goes or there is room and time.
async fn read(
    reader: &mut MultiplexedConnection,
    stream: &str,
    until: Instant,
) -> Result<Vec<(u64, Vec<u8>)>, RedisError> {
    let (mut end, mut page, mut size) = ("+".to_owned(), PAGE, 0);
    let mut all = Vec::new();
    loop {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(stream).arg(&end).arg("-").arg("COUNT").arg(page);
        let found: Vec<Value> = command.query_async(reader).await?;
        let (count, before_it, mut bytes) = (found.len(), all.len(), 0);
        for ((at, number), said) in found.into_iter().filter_map(entry) {
            end = before(at, number);
            bytes += said.len();
            all.push((at, said));
        }
        size += bytes + count * OVERHEAD;
        let is_new = all.len() > before_it;
        if count < page || !is_new || size >= READ || Instant::now() >= until {
            break;
        }
        page = if bytes < SHORT { (page * 2).min(PAGE_MOST) } else { PAGE };
    }
    all.reverse();
    Ok(all)
}

/// An entry of a stream: its id there, and what was said.
fn entry(value: Value) -> Option<((u64, u64), Vec<u8>)> {
    let Value::Array(parts) = value else { return None };
    let [Value::BulkString(id), Value::Array(fields)]: [Value; 2] = parts.try_into().ok()? else {
        return None;
    };
    let (at, number) = std::str::from_utf8(&id).ok()?.split_once('-')?;
    let said = match fields.into_iter().nth(1) {
        Some(Value::BulkString(said)) => said,
        _ => Vec::new(),
    };
    Some(((at.parse().ok()?, number.parse().ok()?), said))
}

/// The id in a stream before this one.
fn before(at: u64, number: u64) -> String {
    match number {
        0 => format!("{}-{}", at.saturating_sub(1), u64::MAX),
        _ => format!("{at}-{}", number - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_backwards() {
        let text = |text: &str| Value::BulkString(text.into());
        let fields = Value::Array(vec![text("said"), text("hello")]);
        let found = entry(Value::Array(vec![text("17-4"), fields.clone()]));
        assert_eq!(found, Some(((17, 4), b"hello".to_vec())));
        assert_eq!(entry(Value::Array(vec![text("17"), fields])), None);
        assert_eq!(entry(Value::Nil), None);
        assert_eq!((before(17, 4), before(17, 0)), ("17-3".into(), format!("16-{}", u64::MAX)));
    }
}
