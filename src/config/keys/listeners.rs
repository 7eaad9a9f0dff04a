//! Keys about listening, workers and who the process is.

use super::super::model::{Admin, Workers};
use super::super::units::word_flag;
use super::super::value::{Fault, Value};
use super::{Group, Kind, Scope, Set, key, planned};

const MAIN: &[Scope] = &[Scope::Main];
const PROCESS: &str = "start tidegate as the user it is to run as";

pub(super) const GROUP: Group = Group {
    title: "Listeners",
    intro: "",
    keys: &[
        key(
            "http",
            Kind::Address,
            Set::Main(|draft, value| {
                let address = value.placed(value.address()?);
                if let Some(first) = draft.config.listens_on(&address.value) {
                    return Err(Fault::new(format!("listened on already, from {first}")));
                }
                draft.config.listeners.push(address);
                Ok(())
            }),
        )
        .aliases(&["httprouter"])
        .list()
        .says("listens for plain HTTP and WebSockets")
        .example(":8080"),
        key(
            "workers",
            Kind::Word,
            Set::Main(|draft, value| {
                draft.config.workers = workers(value)?;
                Ok(())
            }),
        )
        .aliases(&["http-workers", "http-processes"])
        .default("auto")
        .says("reactors, each a thread of its own: a number, or `auto` for one per core")
        .example("4"),
        key(
            "listen",
            Kind::Number,
            Set::Main(|draft, value| {
                draft.config.backlog = value.number(1..=1 << 20)? as u32;
                Ok(())
            }),
        )
        .default("4096")
        .says("connections the kernel queues for each listener")
        .example("1024"),
        key(
            "max-connections",
            Kind::Number,
            Set::Main(|draft, value| {
                draft.config.max_connections = Some(value.number(1..=1 << 30)?);
                Ok(())
            }),
        )
        .unset("what the limit of open files allows")
        .says("clients served at once; beyond it, new ones wait in the kernel")
        .example("20000"),
        key(
            "admin",
            Kind::AddressOrOff,
            Set::Main(|draft, value| {
                draft.config.admin = match word_flag(value.text()) {
                    Some(false) => Admin::Off,
                    _ => Admin::At(value.address()?),
                };
                draft.admin = Some(value.clone());
                Ok(())
            }),
        )
        .unset("`unix:/run/tidegate.sock` where that can be made")
        .says("where `tidegate ctl` and curl ask the running router about itself, or `off`")
        .example("unix:/run/tidegate/admin.sock"),
        planned("http-to-https", MAIN, ""),
        planned("proxy-protocol", MAIN, "").aliases(&["http-enable-proxy-protocol"]),
        planned("trusted-proxies", MAIN, "until then X-Forwarded-* of clients is always replaced"),
        planned("user", MAIN, PROCESS).aliases(&["uid", "http-uid"]),
        planned("group", MAIN, PROCESS).aliases(&["gid", "http-gid"]),
    ],
};

fn workers(value: &Value) -> Result<Workers, Fault> {
    if value.text() == "auto" {
        return Ok(Workers::Auto);
    }
    match value.number(1..=1024) {
        Ok(count) => Ok(Workers::Count(count as u16)),
        Err(_) => Err(Fault::new("expected auto or a number from 1 to 1024")),
    }
}
