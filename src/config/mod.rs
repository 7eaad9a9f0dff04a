//! From ini text to values with their places; no file but its own.
//!
//! ```text
//! lexer      bytes -> lines with places
//! document   lines -> sections, includes and blocks (logic) followed
//! expand     $(ENV), %(option), %d ...
//! keys       the one table of keys
//! apply      each entry's key does its work on a draft   (dialect: whose a key of [uwsgi] is)
//! finish     draft -> Config: actions parsed, groups resolved, the whole checked
//! docs       the table of keys as documentation
//! ```
//!
//! Nothing is compiled here: a regex stays text with its place, for `route` to compile. All problems
//! are found, not only the first; a [`Config`] that came with an error is not for use.

mod action;
mod apply;
mod auth;
mod bus;
mod channel;
mod condition;
mod dialect;
mod docs;
mod document;
mod draft;
mod edit;
mod expand;
mod files;
mod finish;
mod guard;
mod health;
pub mod keys;
mod leftover;
mod lexer;
mod load;
mod log_format;
mod logic;
mod model;
mod nearest;
mod origin;
mod server;
mod settings;
mod surroundings;
mod syslog;
mod template;
mod tls;
mod units;
mod uwsgi_actions;
mod value;
mod wording;
mod words;

pub use action::{Action, Label, Target, Way};
pub use auth::Auth;
pub use bus::{Bus, Engine, Secretive};
pub use channel::{ChannelHistory, ChannelMode, ChannelSlow, ChannelToken, TokenAlgorithm};
pub use condition::{Comparison, Condition, Subject, Test};
pub use docs::{full_ini, markdown};
pub use edit::{Answer, Edit};
pub use files::Files;
pub use guard::{Guard, Limit, Password, Who};
pub use health::{HealthCheck, Question};
pub use load::{Given, load, parse};
pub use log_format::{Asked, LogFormat, LogPiece, Seen};
pub use model::{
    ADMIN_DEFAULT, Admin, Config, Instances, Log, LogLevel, LogTo, MAX_FIELDS, Placed, Protocol,
    ProxyVersion, Redirector, Rule, Times, Upstream, UpstreamTrust, Workers,
};
pub use origin::Origin;
pub use server::{Balance, Retries, Server};
pub use settings::{
    CertificateHeader, Limits, ManageExpect, Rate, Settings, WebSocketBinary, WebSocketDeflate,
    WebSocketDraft, WebSocketMode,
};
pub use surroundings::Surroundings;
pub use syslog::Syslog;
pub use template::{Cgi, Part, Template, Variable};
pub use tls::{GROUPS, SUITES, Tls, TlsClients, TlsListener, TlsName, TlsPresented, VERSIONS};
