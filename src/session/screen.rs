//! What a head opens, and whether the route it came to takes that.

use crate::base::Rng;
use crate::config::WebSocketDraft;
use crate::proto::h1::{Limits, RequestError, RequestHead, Upgrade};
use crate::proto::http::{Known, Version};
use crate::proto::ws::{self, Draft};
use crate::route::Purpose;

use super::channels::wants_events;
use super::decide::No;
use super::handshake::Handshake;
use super::origin;
use super::reason::CloseReason;
use super::settings::{Place, Route};

/// Whether a head keeps within the limits of its route.
pub(super) fn within(head: &RequestHead<'_, '_>, limits: &Limits) -> Result<(), No> {
    let error = if head.target.len() > limits.max_uri {
        RequestError::UriTooLong
    } else if head.len > limits.max_head {
        RequestError::HeadTooLarge
    } else if head.fields.len() > limits.max_fields {
        RequestError::TooManyFields
    } else {
        return Ok(());
    };
    Err(No::saying(CloseReason::BadRequest, error.to_string()).with(error.status()))
}

/// The handshake of a request that opens a WebSocket, if its route takes it; and whether that takes anything else.
pub(super) fn screen(
    head: &RequestHead<'_, '_>,
    route: &Route,
    rng: &mut Rng,
) -> Result<Option<Handshake>, No> {
    if head.upgrade == Upgrade::WebSocket
        && let Some(websockets) = &route.websockets
    {
        return match ws::check_request(head, websockets.drafts) {
            Ok(ws::Handshake { draft, .. })
                if !origin::is_allowed(&websockets.origins, draft, head.fields, head.host) =>
            {
                Err(CloseReason::ForbiddenOrigin.into())
            }
            Ok(client) => Ok(Some(Handshake::new(&client, websockets, rng))),
            Err(error) => {
                Err(No::saying(CloseReason::BadHandshake, error.to_string()).with(error.status()))
            }
        };
    }
    match route.target.place {
        Place::Echo => Err(CloseReason::EchoPage.into()),
        Place::Channel { .. } | Place::Publish { .. } if !page_may(head, route) => {
            Err(CloseReason::ForbiddenOrigin.into())
        }
        Place::Channel { .. } if wants_events(head) => Ok(None),
        Place::Channel { .. } => Err(CloseReason::ChannelPage.into()),
        Place::Publish { .. } => Ok(None),
        Place::Tcp { .. } => Err(CloseReason::UpgradeRequired.into()),
        Place::Http { .. } | Place::Uwsgi { .. } | Place::Files(_) => Ok(None),
    }
}

/// Whether the page that a browser says it asks for may have to do with the route's channel. A page needs nobody's leave to POST text.
fn page_may(head: &RequestHead<'_, '_>, route: &Route) -> bool {
    let origins = route.websockets.as_ref().map(|websockets| &*websockets.origins);
    origins.is_none_or(|all| origin::is_allowed(all, Draft::Rfc6455, head.fields, head.host))
}

/// An `Upgrade` of HTTP/1.0 is not heard (RFC 9110 section 7.8), but what follows it may be frames.
pub(super) fn is_old_upgrade(head: &RequestHead<'_, '_>) -> bool {
    head.version == Version::Http10 && head.fields.has(Known::Upgrade)
}

/// What a rule sees of a head that may be a handshake. Whether it is a good one is asked later, when it is known
/// whose rules hold.
pub(super) fn purpose(head: &RequestHead<'_, '_>) -> Purpose {
    if head.upgrade != Upgrade::WebSocket {
        return Purpose::Plain;
    }
    Purpose::WebSocket(ws::apparent_draft(head.fields).map(|draft| match draft {
        Draft::Hixie75 => WebSocketDraft::Hixie75,
        Draft::Hixie76 => WebSocketDraft::Hixie76,
        Draft::Hybi07 => WebSocketDraft::Hybi07,
        Draft::Hybi08 => WebSocketDraft::Hybi08,
        Draft::Rfc6455 => WebSocketDraft::Rfc6455,
    }))
}
