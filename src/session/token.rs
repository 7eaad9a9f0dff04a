//! Finding the server of a request by its token: `tcp:token:FILE,KEY`.

use std::sync::Arc;

use crate::base::Address;

use super::cx::{Action, Cx, Whereabouts};
use super::exchange::{Exchange, Request};
use super::expand::Filler;
use super::reason::CloseReason;
use super::settings::Place;

/// A token, and what was found.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) token: String,
    /// Addresses of its server, to be tried in turn.
    pub(super) found: Vec<Address>,
}

impl Exchange {
    /// Remembers the token of a request whose route has servers by token.
    pub(super) fn remember_token(&mut self, filler: &Filler<'_>) -> Result<(), CloseReason> {
        let Place::Tcp { token: Some(token) } = &self.route.target.place else { return Ok(()) };
        let mut key = Vec::new();
        filler.plain(&token.key, &mut key);
        let token = String::from_utf8(key).map_err(|_| CloseReason::UnknownToken)?;
        self.search = Some(Box::new(Search { token, found: Vec::new() }));
        Ok(())
    }

    /// Asks for the server, where there is a token; else it is one of the route's group.
    pub(super) fn find_server(&mut self, cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        let (Some(search), Place::Tcp { token: Some(map) }) =
            (&mut self.search, &self.route.target.place)
        else {
            return self.dial(cx, false);
        };
        if search.token.is_empty() {
            return Err(CloseReason::UnknownToken);
        }
        self.dial_began = cx.now;
        self.request = Request::Finding;
        let token = std::mem::take(&mut search.token);
        cx.actions.push(Action::Find { file: Arc::clone(&map.file), token });
        Ok(())
    }

    /// The server was found, or not.
    pub(super) fn found(&mut self, found: Whereabouts, cx: &mut Cx<'_>) -> Result<(), CloseReason> {
        let Some(search) =
            self.search.as_mut().filter(|_| matches!(self.request, Request::Finding))
        else {
            return Ok(());
        };
        search.found = match found {
            Whereabouts::At(addresses) if addresses.is_empty() => {
                return Err(CloseReason::Unreachable);
            }
            Whereabouts::At(addresses) => addresses,
            Whereabouts::Unknown => return Err(CloseReason::UnknownToken),
            Whereabouts::Unreadable => return Err(CloseReason::TokenFile),
            Whereabouts::Overloaded => return Err(CloseReason::Overloaded),
        };
        self.request = Request::Dialling;
        self.dial_began = cx.now;
        cx.actions.push(Action::DialFound);
        Ok(())
    }

    /// The address of the server that its token stands for, where it has one.
    pub(super) fn found_address(&self) -> Option<&Address> {
        self.search.as_ref()?.found.first()
    }

    /// The address that is dialled at the attempt of this number: which one, and the how manieth of its
    /// name's addresses.
    pub(super) fn dialling(&self, attempt: u8) -> Option<Address> {
        match &self.search {
            _ if !matches!(self.request, Request::Dialling) => None,
            Some(search) => search.found.get(usize::from(attempt)).cloned(),
            None => self.server()?.candidate(attempt),
        }
    }
}
