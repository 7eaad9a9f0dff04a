//! Builds one generation from a configuration: for run and check alike.

use std::sync::Arc;

use crate::base::{self, Address, Problem};
use crate::channel::{Keep, Verifier};
use crate::config::{
    self, Action, ChannelHistory, ChannelMode, Config, ManageExpect, Placed, Protocol, Settings,
    Target as Named, Way, WebSocketBinary, WebSocketDeflate, WebSocketDraft, WebSocketMode,
};
use crate::proto::h1::Limits;
use crate::proto::ws::{DeflatePolicy, Draft, LONE_MAX};
use crate::reactor::tls::Connectors;
use crate::route::{Rule, Table};
use crate::session::{
    Auth, Binary, Bodies, Certificates, ChannelTerms, Deed, Files, Generation, Guard, Mode, Place,
    Route, Target, Times, Token, WebSocketRules, WebSockets,
};
use crate::upstream::{Group, Groups, Identities};

use zeroize::Zeroizing;

use super::guards::{Guards, Posts};
use super::places;
use super::trust::Securer;

/// Compiles what a configuration says. What is wrong or costly is added to `problems`; `None` when any
/// of it is an error.
pub fn build(
    config: &Config,
    identities: &mut Identities,
    connectors: &mut Connectors,
    guards: &Guards,
    server_name: &str,
    problems: &mut Vec<Problem>,
) -> Option<Generation> {
    let rules: Vec<_> = config.rules.iter().map(Rule::from).collect();
    let table = Table::compile(&rules, problems)?;
    let mut posts = Posts::new(guards, problems);
    let guarded: Vec<Option<Guard>> = config.rules.iter().map(|rule| posts.guard(rule)).collect();
    let failed = posts.failed;
    let securer = Securer { connectors, problems, failed };
    let groups = Vec::new();
    let mut builder = Builder { config, identities, securer, groups };
    let mut routes = Vec::new();
    let deeds = config.rules.iter().zip(guarded).map(|(rule, guard)| match &rule.action.value {
        Action::Last => Deed::Last,
        Action::Goto(label) => Deed::Goto(label.rule),
        Action::Answer(answer) => Deed::Answer(answer.clone()),
        Action::Edit(edit) => Deed::Edit(edit.clone()),
        // One that cannot be set up refuses the configuration.
        Action::Guard(config::Guard::Auth(auth)) => {
            let Placed { place, .. } = &rule.action;
            Deed::Guard(Guard::Auth(builder.auth(&rule.said, auth, place, &rule.settings)))
        }
        Action::Guard(_) => guard.map_or(Deed::Last, Deed::Guard),
        Action::Go(way) => {
            routes.push(Arc::new(builder.route(
                &rule.name,
                way,
                &rule.action.place,
                &rule.settings,
            )));
            Deed::Go(routes.len() - 1)
        }
    });
    let deeds = deeds.collect();
    let fallback = match &config.default {
        Some(Placed { value: Action::Go(way), place }) => {
            Some(builder.route("default", way, place, &config.settings))
        }
        _ if config.http_to.is_empty() => None,
        _ => Some(builder.http_to()),
    }
    .map(Arc::new);
    let answer = match &config.default {
        Some(Placed { value: Action::Answer(answer), .. }) => Some(answer.clone()),
        _ => None,
    };
    let Builder { groups, securer, identities, .. } = builder;
    if securer.failed || securer.problems.iter().any(Problem::is_error) {
        return None;
    }
    let groups = Groups { all: groups, hall: identities.hall() };
    let wants_tokens = |place: &Place| match place {
        Place::Channel { tokens, .. } | Place::Publish { tokens, .. } => tokens.is_some(),
        _ => false,
    };
    let hides_tokens =
        routes.iter().chain(&fallback).any(|route| wants_tokens(&route.target.place));
    Some(Generation {
        table,
        deeds,
        routes,
        groups,
        fallback,
        answer,
        limits: limits(&config.settings),
        listeners: config.addresses().map(|address| address.value.to_string()).collect(),
        proxy_protocol: config.proxy_protocol.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        merge_slashes: config.merge_slashes,
        head_timeout: config.times.headers,
        handshake_timeout: config.times.handshake,
        keepalive: config.times.keepalive,
        log: config.log.access.then(|| config.log.format.clone()),
        hides_tokens,
        websocket_memory: config.websocket_memory,
        channels: config.channels as usize,
        channel_memory: usize::try_from(config.channel_memory).unwrap_or(usize::MAX),
        vars: config.settings.vars.clone(),
        server_name: server_name.to_owned(),
    })
}

struct Builder<'a> {
    config: &'a Config,
    identities: &'a mut Identities,
    securer: Securer<'a>,
    /// Those that have names, each once.
    groups: Vec<Arc<Group>>,
}

impl Builder<'_> {
    fn route(&mut self, name: &str, way: &Way, at: &base::Place, settings: &Settings) -> Route {
        let group = self.group(way, at);
        let place = match way {
            Way::Http { target, host, uri, .. } => {
                Place::Http { host: host.clone(), uri: uri.clone(), authority: authority(target) }
            }
            Way::Uwsgi { modifier1, modifier2, .. } => Place::Uwsgi {
                modifier1: modifier1.unwrap_or(settings.modifier1),
                modifier2: modifier2.unwrap_or(settings.modifier2),
                vars: settings.vars.clone(),
            },
            Way::Tcp { .. } => Place::Tcp { token: None },
            Way::Token { file, key } => {
                let (file, key) = (Arc::from(file.as_path()), key.clone());
                Place::Tcp { token: Some(Token { file, key }) }
            }
            Way::Echo => Place::Echo,
            Way::Files(files) => Place::Files(self.files(files, at)),
            Way::Channel { name, mode, ids, who, events, .. } => Place::Channel {
                name: name.clone(),
                tokens: self.verifier(at, settings),
                who: who.clone(),
                events: *events,
                terms: terms(*mode, *ids, settings),
                heartbeat: settings.channel_heartbeat,
            },
            Way::Publish { name, .. } => Place::Publish {
                name: name.clone(),
                tokens: self.verifier(at, settings),
                keep: keep(settings.channel_history),
                most: settings.max_message,
            },
        };
        route(name, Target { group, place }, settings)
    }

    /// A server that is asked whether requests may go on.
    fn auth(
        &mut self,
        name: &str,
        auth: &config::Auth,
        at: &base::Place,
        settings: &Settings,
    ) -> Auth {
        let mut route = self.route(name, &auth.way, at, settings);
        route.bodies.raw = false;
        let (uri, target) = match &auth.way {
            Way::Http { uri, target, .. } => (uri.clone(), Some(target)),
            _ => (None, None),
        };
        Auth {
            route: Arc::new(route),
            uri: uri.unwrap_or_default(),
            authority: target.map_or_else(String::new, authority),
            copy: auth.copy.clone(),
        }
    }

    /// What tokens are checked with; a key that is none refuses the configuration.
    fn verifier(&mut self, at: &base::Place, settings: &Settings) -> Option<Arc<Verifier>> {
        let token = settings.channel_token.as_ref()?;
        let file = std::fs::read(&token.file).map(Zeroizing::new);
        let made = file.map_err(|error| format!("cannot be read: {error}")).and_then(|file| {
            let audience = settings.channel_audience.clone();
            Verifier::new(token.algorithm, &file, audience).map_err(str::to_owned)
        });
        match made {
            Ok(verifier) => Some(Arc::new(verifier)),
            Err(error) => {
                let said = format!("channel-token: {}: {error}", token.file.display());
                self.securer.problems.push(Problem::error(Some(at.clone()), said));
                self.securer.failed = true;
                None
            }
        }
    }

    /// Files that are served, whose directory must be there.
    fn files(&mut self, files: &config::Files, at: &base::Place) -> Files {
        places::check(files, at, self.securer.problems);
        Files { root: files.root.as_path().into(), name: files.name.clone(), single: files.single }
    }

    /// `http-to`: all its servers as one group.
    fn http_to(&mut self) -> Route {
        let settings = &self.config.settings;
        let addresses = self.config.http_to.iter().map(|address| &address.value);
        let group = Group::new("http-to", Protocol::Uwsgi, addresses, self.identities);
        let place = Place::Uwsgi {
            modifier1: settings.modifier1,
            modifier2: settings.modifier2,
            vars: settings.vars.clone(),
        };
        route("http-to", Target { group: Arc::new(group), place }, settings)
    }

    fn group(&mut self, way: &Way, at: &base::Place) -> Arc<Group> {
        let protocol = way.protocol().unwrap_or(Protocol::Tcp);
        match way.target() {
            None => Arc::new(Group::new("", protocol, [], self.identities)),
            Some(Named::Address(address)) => {
                let name = address.to_string();
                let mut group = Group::new(&name, protocol, [address], self.identities);
                self.securer.address(&mut group, at, self.identities);
                Arc::new(group)
            }
            Some(Named::Upstream(name)) => {
                if let Some(group) = self.groups.iter().find(|group| group.name == *name) {
                    return Arc::clone(group);
                }
                let group = match self.config.upstreams.iter().find(|group| group.name == *name) {
                    Some(upstream) => {
                        let mut group = Group::of(upstream, self.identities);
                        self.securer.upstream(&mut group, upstream, self.identities);
                        group
                    }
                    // The configuration has seen to it that there is one.
                    None => Group::new(name, protocol, [], self.identities),
                };
                let group = Arc::new(group);
                self.groups.push(Arc::clone(&group));
                group
            }
        }
    }
}

/// What stands in `Host` when a client of HTTP/1.0 named none.
fn authority(target: &Named) -> String {
    match target {
        Named::Address(Address::Unix(_) | Address::Abstract(_)) => "localhost".to_owned(),
        Named::Address(address) => address.to_string(),
        Named::Upstream(name) => name.clone(),
    }
}

fn route(name: &str, target: Target, settings: &Settings) -> Route {
    let max = settings.max_body.unwrap_or(u64::MAX);
    let (manage_expect, max_expected) = match settings.manage_expect {
        ManageExpect::Off => (false, max),
        ManageExpect::On => (true, max),
        ManageExpect::UpTo(size) => (true, size),
    };
    Route {
        name: Arc::from(name),
        websockets: settings.websockets.then(|| websockets(settings, &target.place)),
        target,
        limits: limits(settings),
        times: Times {
            connect: settings.connect_timeout,
            silence: settings.timeout,
            tunnel: settings.tunnel_timeout,
        },
        bodies: Bodies {
            raw: settings.raw_body,
            chunked_input: settings.chunked_input,
            auto_chunked: settings.auto_chunked,
            manage_expect,
            max,
            max_expected,
            memory: settings.buffer_size_max,
            spool: settings.spool_max,
        },
        certificates: Certificates {
            export: settings.export_certificate,
            headers: settings.certificate_headers.clone(),
        },
        joins: settings.channel.clone(),
        control: settings.channels_control.as_deref().map(|prefix| prefix.as_bytes().into()),
        guests: terms(ChannelMode::Subscribe, false, settings),
    }
}

fn websockets(settings: &Settings, place: &Place) -> WebSockets {
    // uWSGI's own frame code trusts whom it should not.
    let usual = match place {
        Place::Uwsgi { .. } => Mode::Guard,
        _ => Mode::Track,
    };
    debug_assert!(settings.max_message >= LONE_MAX, "kilobytes, at least one");
    WebSockets {
        mode: settings.websockets_mode.map_or(usual, mode),
        rules: WebSocketRules {
            ping: settings.ping_freq,
            upstream_ping: settings.upstream_ping_freq,
            tolerance: settings.pong_tolerance,
            pong: settings.pong_freq,
            max_message: settings.max_message,
            max_age: settings.max_age,
            rate: settings.rate,
        },
        drafts: settings.drafts.iter().copied().map(draft).collect(),
        origins: settings.origins.clone(),
        upstream: settings.upstream_draft.map(draft),
        protocols: settings.protocols.iter().map(|name| name.as_str().into()).collect(),
        binary: match settings.binary {
            WebSocketBinary::Close => Binary::Close,
            WebSocketBinary::Drop => Binary::Drop,
            WebSocketBinary::Text => Binary::Text,
        },
        deflate: deflate(settings.deflate),
    }
}

fn limits(settings: &Settings) -> Limits {
    let config::Limits { max_uri, max_head, max_fields } = settings.limits;
    Limits { max_uri, max_head, max_fields }
}

fn terms(mode: ChannelMode, ids: bool, settings: &Settings) -> Arc<ChannelTerms> {
    Arc::new(ChannelTerms {
        mode,
        ids,
        backlog: settings.channel_backlog,
        slow: settings.channel_slow,
        keep: keep(settings.channel_history),
    })
}

fn keep(history: ChannelHistory) -> Keep {
    let age = history.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    Keep { messages: history.messages, age }
}

fn mode(mode: WebSocketMode) -> Mode {
    match mode {
        WebSocketMode::Pass => Mode::Pass,
        WebSocketMode::Track => Mode::Track,
        WebSocketMode::Guard => Mode::Guard,
    }
}

fn draft(draft: WebSocketDraft) -> Draft {
    match draft {
        WebSocketDraft::Hixie75 => Draft::Hixie75,
        WebSocketDraft::Hixie76 => Draft::Hixie76,
        WebSocketDraft::Hybi07 => Draft::Hybi07,
        WebSocketDraft::Hybi08 => Draft::Hybi08,
        WebSocketDraft::Rfc6455 => Draft::Rfc6455,
    }
}

fn deflate(deflate: WebSocketDeflate) -> Option<DeflatePolicy> {
    match deflate {
        WebSocketDeflate::Off => None,
        WebSocketDeflate::On => Some(DeflatePolicy { takeover: false, bits: 15 }),
        WebSocketDeflate::Takeover => Some(DeflatePolicy { takeover: true, bits: 15 }),
    }
}

#[cfg(test)]
#[path = "generation_tests.rs"]
mod tests;
