//! The general path: any link type, any stack of tags, any tunnel.

use crate::decode::{DecodeOptions, FrameBytes};
use crate::layer::Layer;
use crate::limits::MAX_TUNNELS;
use crate::link::{self, Link};
use crate::network;
use crate::outcome::{Outcome, Undecodable};
use crate::view::Views;

/// What a packet carries: a layer further in, and what its first byte is.
pub(crate) type Carried = (Layer, Link);

/// [`crate::decode()`] without the fast path; the two agree on every frame.
#[inline(never)]
pub(crate) fn decode(
    frame: &FrameBytes<'_>,
    options: &DecodeOptions,
    views: &mut Views,
) -> Outcome {
    let Some(link) = Link::of(frame.link) else {
        return Outcome::Undecodable(Undecodable::UnknownLinkType);
    };
    let before = views.len();
    let mut carried = (Layer::outermost(frame), link);
    let mut outcome = Outcome::Undecodable(Undecodable::UnknownLinkType);
    for _ in 0..=MAX_TUNNELS {
        let (mut layer, link) = carried;
        let step = link::resolve(frame.data, &mut layer, link)
            .and_then(|()| network::decode(frame, options, layer, views));
        match step {
            Ok(Some(inner)) => carried = inner,
            Ok(None) => break,
            Err(stop) => {
                outcome = stop.outcome();
                break;
            }
        }
    }
    // At most MAX_VIEWS_PER_FRAME, one for each turn of the loop.
    match views.len() - before {
        0 => outcome,
        count => Outcome::Analysed(count as u8),
    }
}
