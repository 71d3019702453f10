//! The bounds that keep decoding finite on hostile input.

/// Link-layer tags (VLAN, MPLS labels, PPPoE, SNAP …) followed in one layer-2 stack.
pub const MAX_LINK_TAGS: usize = 16;
/// IPv6 extension headers followed in one chain.
pub const MAX_EXTENSION_HEADERS: usize = 16;
/// Tunnels followed inwards in one frame; deeper ones stay payload of the innermost view.
pub const MAX_TUNNELS: usize = 6;
/// Views one frame can yield: the outermost conversation and one for each tunnel.
pub const MAX_VIEWS_PER_FRAME: usize = MAX_TUNNELS + 1;
/// Views a [`Views`](crate::Views) holds: a burst of 64 frames and room for one deep frame more.
pub const MAX_VIEWS: usize = 64 + MAX_VIEWS_PER_FRAME;
/// Quoted packets of ICMP errors kept for one burst; one a view is the most a burst can need.
pub const MAX_QUOTES: usize = MAX_VIEWS;
